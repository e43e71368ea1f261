-------------------------------- MODULE News --------------------------------
(* The news of one change: a record of the stream, and one notice on its way to one chat. The record is handled as in
   functions/streams/order_changed.py, the notice as in functions/notifications/send_notice.py and
   shared/domain/delivery.py. Queues, schedules and Telegram fail until `calm`. *)
EXTENDS Integers

CONSTANTS
    Useful,     (* the tick from which the news is of no use *)
    MaxTries,   (* tries in doubt after which a notice is given up *)
    MaxCopies,  (* copies of the notice in its queue, at most *)
    MaxFailures,
    Mutant      (* a defect to plant, or "none" *)

VARIABLES
    now,
    calm,       (* nothing fails any more *)
    record,     (* "waiting", "done", or "dead" (given up by age) *)
    failures,   (* how often the audience was queued and its queue did not say so *)
    fanouts,    (* how often the audience was queued *)
    copies,     (* messages of the notice in its queue, with the one that a sender holds *)
    claimed,    (* a sender holds the claim *)
    tries,      (* as stored with the claim *)
    doubts,     (* tries after which the message may have arrived *)
    end         (* "none", or what became of the notice *)

vars == <<now, calm, record, failures, fanouts, copies, claimed, tries, doubts, end>>
stream == <<record, failures, fanouts>>
delivery == <<claimed, tries, doubts, end>>

---------------------------------------------------------------------------
(* The record: notices first, then the audience, then the schedules. *)

GivesUp ==
    /\ record = "waiting" /\ now >= Useful
    /\ record' = "dead"
    /\ UNCHANGED <<now, calm, failures, fanouts, copies, delivery>>

(* The queue of notices fails, and has the notice or does not. *)
NoticeFails ==
    /\ record = "waiting" /\ now < Useful /\ ~calm /\ failures < MaxFailures
    /\ copies' \in {copies, copies + 1} /\ copies' <= MaxCopies
    /\ fanouts' = IF Mutant = "audience_first" THEN fanouts + 1 ELSE fanouts
    /\ UNCHANGED <<now, calm, record, failures, delivery>>

(* The queue of new orders fails, and has the audience or does not. *)
AudienceFails ==
    /\ record = "waiting" /\ now < Useful /\ ~calm /\ failures < MaxFailures /\ copies < MaxCopies
    /\ copies' = copies + 1
    /\ \/ fanouts' = fanouts + 1 /\ failures' = failures + 1
       \/ UNCHANGED <<fanouts, failures>>
    /\ record' = IF Mutant = "failed_record_is_done" THEN "done" ELSE record
    /\ UNCHANGED <<now, calm, delivery>>

Queues ==
    /\ record = "waiting" /\ now < Useful /\ copies < MaxCopies
    /\ copies' = copies + 1
    /\ fanouts' = fanouts + 1
    /\ record' \in {"done"} \union (IF Mutant = "schedule_fails_record" /\ ~calm THEN {"waiting"} ELSE {})
    /\ UNCHANGED <<now, calm, failures, delivery>>

---------------------------------------------------------------------------
(* The notice. *)

Drops(reason) ==
    /\ end' = IF end = "none" THEN reason ELSE end
    /\ copies' = copies - 1
    /\ UNCHANGED <<claimed, tries, doubts>>

Receives ==
    /\ copies > 0 /\ ~claimed
    /\ IF end # "none" THEN Drops(end)
       ELSE IF now >= Useful THEN Drops("late")
       ELSE IF tries = MaxTries THEN Drops("given up")
       ELSE claimed' = TRUE /\ tries' = tries + 1 /\ UNCHANGED <<copies, doubts, end>>
    /\ UNCHANGED <<now, calm, stream>>

Arrives ==
    /\ claimed
    /\ claimed' = FALSE /\ end' = "arrived" /\ copies' = copies - 1
    /\ UNCHANGED <<now, calm, stream, tries, doubts>>

(* Certainly not sent. The message goes into its queue anew. *)
Misses ==
    /\ claimed /\ ~calm
    /\ claimed' = FALSE
    /\ tries' = IF Mutant = "missed_try_counts" THEN tries ELSE tries - 1
    /\ copies' = IF Mutant = "put_off_is_lost" THEN copies - 1 ELSE copies
    /\ UNCHANGED <<now, calm, stream, doubts, end>>

(* Telegram does not answer, or the sender dies. *)
IsInDoubt ==
    /\ claimed /\ ~calm
    /\ claimed' = FALSE /\ doubts' = doubts + 1
    /\ UNCHANGED <<now, calm, stream, copies, tries, end>>

---------------------------------------------------------------------------

Tick == now < Useful /\ now' = now + 1 /\ UNCHANGED <<calm, stream, copies, delivery>>
Calms == ~calm /\ calm' = TRUE /\ UNCHANGED <<now, stream, copies, delivery>>

Init ==
    /\ now = 0 /\ calm = FALSE
    /\ record = "waiting" /\ failures = 0 /\ fanouts = 0
    /\ copies = 0
    /\ claimed = FALSE /\ tries = 0 /\ doubts = 0 /\ end = "none"

Next ==
    \/ GivesUp \/ NoticeFails \/ AudienceFails \/ Queues
    \/ Receives \/ Arrives \/ Misses \/ IsInDoubt
    \/ Tick \/ Calms

(* Lambda delivers the record and the messages again and again. Time need not pass. *)
Fairness == WF_vars(GivesUp) /\ WF_vars(Queues) /\ WF_vars(Receives) /\ WF_vars(Arrives)

Spec == Init /\ [][Next]_vars /\ Fairness

---------------------------------------------------------------------------
(* Safety. *)

(* A notice is given up for its age or after MaxTries tries that may have arrived, and is never lost. *)
L8 ==
    /\ end = "late" => now >= Useful
    /\ end = "given up" => doubts >= MaxTries
    /\ record = "done" /\ copies = 0 => end # "none"

(* The audience is queued, once and once more each time that its queue did not say so. *)
L9 ==
    /\ record = "done" => fanouts > 0
    /\ fanouts <= 1 + failures

(* Liveness: once nothing fails, the news is queued and the notice ends, at whatever time. *)
Told == (calm /\ copies > 0) ~> (end # "none")
Queued == (calm /\ record = "waiting") ~> (record # "waiting")

---------------------------------------------------------------------------
(* Reachability: must fail, or the rules above prove nothing. *)

NoNoticeArrivesAfterDoubts == ~(end = "arrived" /\ now > 0 /\ doubts = MaxTries - 1)

=============================================================================

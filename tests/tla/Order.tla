------------------------------- MODULE Order -------------------------------
(***************************************************************************)
(* An order's life over one table: take, respond, complete, close, delete, *)
(* edit, ends by timers and the sweep, the contact lock, the money.        *)
(*                                                                         *)
(* A command reads, decides, and writes in one conditional transaction.    *)
(* Reading and writing are separate steps here, and anything may happen    *)
(* between them: a command in `flight` carries what it read and its clock, *)
(* both possibly old. It may crash instead of writing, and it may write    *)
(* twice (a duplicate request, a retry after a lost response).             *)
(*                                                                         *)
(* README.md beside this file names the code that each action stands for.  *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, TLC

CONSTANTS
    Orders, First,  \* all possible orders; First exists from the start, the others may be posted later
    Contacts,       \* in normal form; the smallest model has one
    Executors,
    Client,         \* the client of all orders
    Nobody,         \* no user, no order
    Hour, Window,   \* an order's lifetime and its answer window, in ticks of the clock
    Horizon,        \* the clock stops here, after everything that can be due
    MaxTakes,
    MaxEdits,       \* the maximum number of changes of an order's contact
    Credit,         \* the balance of each executor at the start, in roubles
    MaxFlight,      \* the maximum number of concurrent commands, not counting Background
    Skew,           \* how far a handler's clock may be ahead; it may be behind by any amount, see flight
    Timers,         \* "wild": timers fire at any time, any number of times or never, which covers lost, early,
                    \* late and repeated schedules. "scheduled": made from stream records, each fires until done
    Sweep,          \* whether the sweep runs
    Mutant          \* "none", or the planted defect

VARIABLES
    now,        \* the true time
    order,      \* the order items
    lock,       \* the contact locks: the order that holds each, and the end
    balance,    \* the users' balances
    active,     \* the users' counters of active orders
    ledger,     \* each user's ledger entries after the first credit; (cause, order) is an entry's key
    flight,     \* the commands under way
    stream,     \* stream records that wait to become a schedule: an order and its next deadline
    schedules   \* schedules that wait to fire

vars == <<now, order, lock, balance, active, ledger, flight, stream, schedules>>

Price == 2
Never == 99         \* stands for a missing attribute that is a time
Users == Executors \union {Client}
Symmetry == Permutations(Executors) \union Permutations(Contacts)

Min(a, b) == IF a < b THEN a ELSE b

---------------------------------------------------------------------------
(* shared/domain/order.py and money.py: an order's state at a moment, and its permitted changes. *)

NoOrder == [status |-> "none", contact |-> Nobody, edits |-> 0, expires |-> Never, takes |-> {},
            window |-> Never, answered |-> FALSE, due |-> Never]

NoLock == [order |-> Nobody, expires |-> Never]

HourRunning(x, t) == t < x.expires \/ Mutant = "no_expiry_condition"

StatusAt(x, t) ==
    IF x.status \notin {"active", "expired"} THEN x.status
    ELSE IF ~x.answered /\ t >= x.window THEN "closed_no_response"
    ELSE IF ~HourRunning(x, t) THEN "expired"
    ELSE x.status

DueAt(x) == Min(IF x.status = "active" THEN x.expires ELSE Never,
                IF x.status \in {"active", "expired"} /\ ~x.answered THEN x.window ELSE Never)

WithDue(x) == [x EXCEPT !.due = DueAt(x)]

NewOrder(contact, t) == WithDue([NoOrder EXCEPT !.status = "active", !.contact = contact, !.expires = t + Hour])

WithTake(x, u, t) == WithDue([x EXCEPT !.takes = @ \union {u}, !.window = IF @ = Never THEN t + Window ELSE @])

OwesRefunds(x) == x.status = "closed_no_response" /\ ~x.answered

(* Whether a command may write, given the order x as read and the time t of its handler's clock. *)
Allowed(name, x, t) ==
    CASE name = "respond" -> StatusAt(x, t) \in {"active", "expired"} /\ x.takes # {} /\ ~x.answered
      [] name \in {"complete", "close"} -> StatusAt(x, t) = "active" /\ x.takes # {}
      [] name = "delete" -> StatusAt(x, t) \in {"active", "expired"} /\ x.takes = {}
      [] name \in {"timer", "sweep"} -> StatusAt(x, t) # x.status

(* The order after the command. *)
After(name, x, t) == WithDue(
    CASE name = "respond" -> [x EXCEPT !.answered = TRUE]
      [] name = "complete" -> [x EXCEPT !.status = "completed", !.answered = TRUE]
      [] name = "close" -> [x EXCEPT !.status = "closed_no_response"]
      [] name = "delete" -> [x EXCEPT !.status = "deleted"]
      [] name \in {"timer", "sweep"} -> [x EXCEPT !.status = StatusAt(x, t)])

---------------------------------------------------------------------------
(* The table: reads and conditional writes. *)

Entries(u, cause, o) == {e \in ledger[u] : e.cause = cause /\ e.order = o}
Wallet(u) == [balance |-> balance[u], last |-> Cardinality(ledger[u])]  \* the number stands for the last id

(* Put an entry. It replaces an entry with the same key. *)
Put(u, cause, o, amount) ==
    (ledger[u] \ Entries(u, cause, o)) \union {[cause |-> cause, order |-> o, amount |-> amount]}

NotThere(u, cause, o) == Entries(u, cause, o) = {}

EditsAsRead(c) == CASE Mutant = "edit_not_held" -> TRUE
                    [] Mutant = "contact_as_read" -> order[c.order].contact = c.before.contact
                    [] OTHER -> order[c.order].edits = c.before.edits

LastEntryAsRead(c, u) == Cardinality(ledger[u]) = c.wallets[u].last \/ Mutant = "balance_by_read"

(* A command under way: its name, its caller (of a take), its order, its clock's time t, and what it has read. With
   `more`, its second read (the lock, the wallets) is done and only the write is left. *)
Command(name, who, o, t, before, more) ==
    [name |-> name, who |-> who, order |-> o, t |-> t, before |-> before, contact |-> Nobody,
     more |-> more, ours |-> FALSE, wallets |-> [u \in {} |-> 0]]

Clock == now..(now + Skew)
Background == IF Timers = "wild" THEN {"sweep"} ELSE {"sweep", "timer"}
Room == Cardinality({c \in flight : c.name \notin Background}) < MaxFlight
Start(c) == flight' = flight \union {c}

(* The write of c has landed. The command ends, or lands once more (duplicate). *)
Landed(c) == flight' \in {flight, flight \ {c}}

(* A write gave the order a new deadline: a stream record follows. *)
Record(o, deadline) == stream' = IF Timers = "wild" THEN stream ELSE stream \union {[order |-> o, at |-> deadline]}

---------------------------------------------------------------------------
(* take *)

TakeReadsOrder(u, o) == \E t \in Clock :
    /\ Room
    /\ u # Client
    /\ StatusAt(order[o], t) = "active"
    /\ Cardinality(order[o].takes) < MaxTakes
    /\ Entries(u, "take", o) = {}
    /\ Start(Command("take", u, o, t, order[o], FALSE))
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

TakeReadsUser(c) ==
    /\ c.name = "take" /\ ~c.more
    /\ flight' = (flight \ {c}) \union
                 (IF balance[c.who] < Price THEN {}
                  ELSE {[c EXCEPT !.more = TRUE, !.wallets = [u \in {c.who} |-> Wallet(u)]]})
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

TakeGuard(c) == LET x == order[c.order] IN
    \/ Mutant = "no_take_guard"
    \/ /\ x.status = "active"
       /\ HourRunning(x, c.t)
       /\ c.who # Client
       /\ c.who \notin x.takes
       /\ \/ Mutant = "slot_cap_by_read"
          \/ /\ Cardinality(x.takes) < MaxTakes
             /\ Cardinality(x.takes) = Cardinality(c.before.takes)
       /\ x.answered \/ c.t < x.window
       /\ EditsAsRead(c)

TakeLands(c) == LET after == WithTake(c.before, c.who, c.t)
                    taken == [order EXCEPT ![c.order].takes = @ \union {c.who},
                                           ![c.order].window = after.window,
                                           ![c.order].due = after.due]
    IN
    /\ c.name = "take" /\ c.more
    /\ TakeGuard(c)
    /\ NotThere(c.who, "take", c.order)
    /\ LastEntryAsRead(c, c.who)
    /\ order' \in IF Mutant = "split_writes" THEN {taken, order} ELSE {taken}
    /\ balance' = [balance EXCEPT ![c.who] = c.wallets[c.who].balance - Price]
    /\ active' = [active EXCEPT ![c.who] = @ + 1]
    /\ ledger' = [ledger EXCEPT ![c.who] = Put(c.who, "take", c.order, -Price)]
    /\ IF c.before.window = Never THEN Record(c.order, after.window) ELSE UNCHANGED stream
    /\ Landed(c)
    /\ UNCHANGED <<now, lock, schedules>>

---------------------------------------------------------------------------
(* respond, complete, close, delete, and the ends by timers and the sweep *)

MoveReadsOrder(name, o) == \E t \in Clock :
    /\ IF name \in Background THEN ~\E c \in flight : c.name = name /\ c.order = o ELSE Room
    /\ Allowed(name, order[o], t)
    /\ Start(Command(name, Nobody, o, t, order[o], name = "respond"))
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

MoveReadsMore(c) ==
    /\ ~c.more /\ c.name # "take"
    /\ flight' = (flight \ {c}) \union
        {[c EXCEPT !.more = TRUE,
                   !.ours = lock[c.before.contact].order = c.order,
                   !.wallets = [u \in IF OwesRefunds(After(c.name, c.before, c.t)) THEN c.before.takes ELSE {}
                                |-> Wallet(u)]]}
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

MoveGuard(c) == LET x == order[c.order] IN
    /\ \/ Mutant = "unguarded_refund"
       \/ /\ x.status = c.before.status
          /\ \A u \in DOMAIN c.wallets : NotThere(u, "refund", c.order)
    /\ Cardinality(x.takes) = Cardinality(c.before.takes) \/ Mutant = "end_misses_a_take"
    /\ x.answered = c.before.answered \/ Mutant = "answer_not_excluded"
    /\ EditsAsRead(c)
    /\ c.ours => lock[c.before.contact].order = c.order
    /\ \A u \in DOMAIN c.wallets : LastEntryAsRead(c, u)

MoveLands(c) == LET after == After(c.name, c.before, c.t)
                    refunded == DOMAIN c.wallets
                    leaving == IF c.before.status = "active" /\ after.status # "active"
                               THEN c.before.takes \union {Client} ELSE {}
    IN
    /\ c.name \notin {"take", "edit", "create"} /\ c.more
    /\ MoveGuard(c)
    /\ order' = [order EXCEPT ![c.order].status = after.status,
                              ![c.order].answered = @ \/ after.answered,
                              ![c.order].due = after.due]
    /\ lock' = IF c.ours \/ Mutant = "lock_freed_by_anyone" THEN [lock EXCEPT ![c.before.contact] = NoLock] ELSE lock
    /\ balance' = [u \in Users |-> IF u \in refunded THEN c.wallets[u].balance + Price ELSE balance[u]]
    /\ active' = [u \in Users |-> IF u \in leaving THEN active[u] - 1 ELSE active[u]]
    /\ ledger' = [u \in Users |-> IF u \in refunded THEN Put(u, "refund", c.order, Price) ELSE ledger[u]]
    /\ Landed(c)
    /\ UNCHANGED <<now, stream, schedules>>

---------------------------------------------------------------------------
(* create, edit: the contact lock *)

LockFree(contact, t) == lock[contact].order = Nobody \/ lock[contact].expires <= t

CreateStarts(o, contact) == \E t \in Clock :
    /\ Room
    /\ order[o].status = "none"
    /\ Start([Command("create", Nobody, o, t, NoOrder, TRUE) EXCEPT !.contact = contact])
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

CreateLands(c) == LET new == NewOrder(c.contact, c.t) IN
    /\ c.name = "create"
    /\ order[c.order].status = "none"
    /\ LockFree(c.contact, c.t)
    /\ order' = [order EXCEPT ![c.order] = new]
    /\ lock' = [lock EXCEPT ![c.contact] = [order |-> c.order, expires |-> new.expires]]
    /\ active' = [active EXCEPT ![Client] = @ + 1]
    /\ Record(c.order, new.expires)
    /\ Landed(c)
    /\ UNCHANGED <<now, balance, ledger, schedules>>

EditReadsOrder(o, contact) == \E t \in Clock :
    /\ Room
    /\ StatusAt(order[o], t) = "active"
    /\ order[o].takes = {}
    /\ contact # order[o].contact
    /\ order[o].edits < MaxEdits
    /\ Start([Command("edit", Nobody, o, t, order[o], TRUE) EXCEPT !.contact = contact])
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

EditLands(c) == LET x == order[c.order] IN
    /\ c.name = "edit"
    /\ x.status = "active"
    /\ HourRunning(x, c.t)
    /\ x.takes = {} \/ Mutant = "edit_after_take"
    /\ EditsAsRead(c)
    /\ lock[c.before.contact].order = c.order
    /\ LockFree(c.contact, c.t)
    /\ order' = [order EXCEPT ![c.order].contact = c.contact, ![c.order].edits = c.before.edits + 1]
    /\ lock' = [lock EXCEPT ![c.before.contact] = NoLock,
                            ![c.contact] = [order |-> c.order, expires |-> x.expires]]
    /\ Landed(c)
    /\ UNCHANGED <<now, balance, active, ledger, stream, schedules>>

---------------------------------------------------------------------------
(* The environment: the clock, TTL, crashes, the stream, schedules. *)

Tick ==
    /\ now < Horizon
    /\ now' = now + 1
    /\ UNCHANGED <<order, lock, balance, active, ledger, flight, stream, schedules>>

(* TTL removes an expired lock on time, late, or never. *)
TtlRemovesLock(contact) ==
    /\ lock[contact].expires <= now
    /\ lock' = [lock EXCEPT ![contact] = NoLock]
    /\ UNCHANGED <<now, order, balance, active, ledger, flight, stream, schedules>>

(* Nothing is written, after a crash or a failed condition. A caller that then reads again is a new command. A crash
   before the second read needs no action: it leaves the same state as a command that never began. *)
Ends(c) ==
    /\ c.more
    /\ flight' = flight \ {c}
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, stream, schedules>>

Lands(c) == TakeLands(c) \/ MoveLands(c) \/ CreateLands(c) \/ EditLands(c)

(* The stream makes a schedule only for a deadline in the future. A passed deadline is left to the sweep. *)
StreamMakesSchedule == \E r \in stream :
    /\ stream' = stream \ {r}
    /\ schedules' = schedules \union (IF r.at > now THEN {r} ELSE {})
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, flight>>

(* A schedule fires at any time, and again until its handler returns without an error. *)
TimerFires(o) ==
    /\ Timers = "wild" \/ \E s \in schedules : s.order = o
    /\ MoveReadsOrder("timer", o)

(* The handler returns without an error: by its clock, nothing is left to do and the deadline has passed. *)
TimerIsDone(s) ==
    /\ s \in schedules
    /\ StatusAt(order[s.order], now) = order[s.order].status
    /\ now >= s.at \/ Mutant = "early_timer_swallowed"
    /\ schedules' = schedules \ {s}
    /\ UNCHANGED <<now, order, lock, balance, active, ledger, flight, stream>>

SweepFinds(o) ==
    /\ Sweep /\ ~(Mutant = "no_sweep")
    /\ order[o].due <= now
    /\ MoveReadsOrder("sweep", o)

---------------------------------------------------------------------------

Init ==
    /\ now = 0
    /\ \E contact \in Contacts :
        /\ order = [o \in Orders |-> IF o = First THEN NewOrder(contact, 0) ELSE NoOrder]
        /\ lock = [k \in Contacts |-> IF k = contact THEN [order |-> First, expires |-> Hour]
                                      ELSE NoLock]
    /\ balance = [u \in Users |-> IF u = Client THEN 0 ELSE Credit]
    /\ active = [u \in Users |-> IF u = Client THEN 1 ELSE 0]
    /\ ledger = [u \in Users |-> {}]
    /\ flight = {}
    /\ stream = IF Timers = "wild" THEN {} ELSE {[order |-> First, at |-> Hour]}
    /\ schedules = {}

Next ==
    \/ Tick
    \/ \E o \in Orders :
        \/ \E u \in Users : TakeReadsOrder(u, o)
        \/ \E name \in {"respond", "complete", "close", "delete"} : MoveReadsOrder(name, o)
        \/ \E contact \in Contacts : CreateStarts(o, contact) \/ EditReadsOrder(o, contact)
        \/ TimerFires(o)
        \/ SweepFinds(o)
    \/ \E c \in flight : TakeReadsUser(c) \/ MoveReadsMore(c) \/ Lands(c) \/ Ends(c)
    \/ \E contact \in Contacts : TtlRemovesLock(contact)
    \/ StreamMakesSchedule \/ \E s \in schedules : TimerIsDone(s)

(* Fairness: the clock advances, and the sweep runs and does not crash forever before its write. The same holds for
   schedules if Timers = "scheduled". Nothing is assumed about users. *)
Comes(c) == Lands(c) \/ (~ENABLED Lands(c) /\ Ends(c))

Fairness ==
    /\ WF_vars(Tick)
    /\ \A o \in Orders : WF_vars(SweepFinds(o))
    /\ \A o \in IF Timers = "wild" THEN {} ELSE Orders : WF_vars(TimerFires(o))
    /\ \A name \in Background :
        /\ WF_vars(\E c \in flight : c.name = name /\ MoveReadsMore(c))
        /\ SF_vars(\E c \in flight : c.name = name /\ Comes(c))
    /\ WF_vars(StreamMakesSchedule)

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ Fairness

---------------------------------------------------------------------------
(* Safety. *)

RECURSIVE Sum(_, _)
Sum(f, s) == IF s = {} THEN 0 ELSE LET x == CHOOSE x \in s : TRUE IN f[x] + Sum(f, s \ {x})

Amount(entries) == LET amount == [e \in entries |-> e.amount] IN Sum(amount, entries)

(* A balance is the sum of its ledger. *)
I1 == \A u \in Users : balance[u] = (IF u = Client THEN 0 ELSE Credit) + Amount(ledger[u])

I2 == \A u \in Users : balance[u] >= 0

(* Balances plus the prices of takes that are not refunded equal the credits. *)
I3 == LET kept(o) == {u \in order[o].takes : Entries(u, "refund", o) = {}}
          takings == [o \in Orders |-> Price * Cardinality(kept(o))]
      IN Sum(balance, Users) + Sum(takings, Orders) = Credit * Cardinality(Executors)

I5 == \A u \in Users : \A e, n \in ledger[u] : e.cause = n.cause /\ e.order = n.order => e = n

I6 == \A o \in Orders, u \in Users :
        /\ u \in order[o].takes <=> Entries(u, "take", o) # {}
        /\ \A e \in Entries(u, "take", o) : e.amount = -Price

I7 == \A o \in Orders, u \in Users : \A e \in Entries(u, "refund", o) :
        /\ \E d \in Entries(u, "take", o) : e.amount = -d.amount
        /\ OwesRefunds(order[o])

(* Due refunds exist: they are written with the end, not after it. *)
L2 == \A o \in Orders : OwesRefunds(order[o]) => \A u \in order[o].takes : Entries(u, "refund", o) # {}

I9 == \A o \in Orders : Cardinality(order[o].takes) <= MaxTakes

I12 == \A o \in Orders : now >= order[o].expires => StatusAt(order[o], now) # "active"

I13 == \A o \in Orders : Client \notin order[o].takes

(* An order that is active by the clock holds its contact's lock, so there is at most one. *)
I15 == \A o \in Orders : order[o].status = "active" /\ now + Skew < order[o].expires
                         => lock[order[o].contact].order = o

(* An answered order has no refunds. *)
I16 == \A o \in Orders : order[o].answered => \A u \in Users : Entries(u, "refund", o) = {}

(* A lock points to an order that has not ended, and to its contact. *)
L3 == \A k \in Contacts : lock[k].order # Nobody =>
        order[lock[k].order].status = "active" /\ order[lock[k].order].contact = k

(* Each user's counter of active orders is exact. *)
Counters == \A u \in Users :
    active[u] = Cardinality({o \in Orders : order[o].status = "active" /\ (u = Client \/ u \in order[o].takes)})

(* The sweep's index has each deadline no later than it is due. L1 depends on it. *)
Indexed == \A o \in Orders : order[o].due <= DueAt(order[o])

(* A take returns the contact that it read with the order. It is the contact at the moment of the payment. *)
Told == [][\A o \in Orders : \A u \in order'[o].takes \ order[o].takes :
            \E c \in flight : c.name = "take" /\ c.who = u /\ c.order = o /\ c.before.contact = order[o].contact]_vars

(* Ledger entries are immutable. *)
I4 == [][\A u \in Users : ledger[u] \subseteq ledger'[u]]_vars

TakesStay == [][\A o \in Orders : order[o].takes \subseteq order'[o].takes]_vars

I10 == [][\A o \in Orders : \A u \in order'[o].takes \ order[o].takes :
            /\ order[o].status = "active"
            /\ \E c \in flight : c.name = "take" /\ c.who = u /\ c.order = o /\ c.t < order[o].expires]_vars

I11 == [][\A o \in Orders : order[o].status # order'[o].status =>
            \/ order[o].status = "none" /\ order'[o].status = "active"
            \/ order[o].status = "active"
            \/ order[o].status = "expired" /\ order[o].takes # {} /\ order'[o].status = "closed_no_response"
            \/ order[o].status = "expired" /\ order[o].takes = {} /\ order'[o].status = "deleted"]_vars

I14 == [][\A o \in Orders : order[o].takes # {} =>
            order'[o].contact = order[o].contact /\ order'[o].status # "deleted"]_vars

---------------------------------------------------------------------------
(* Liveness. *)

(* The status of an order by the clock is eventually stored. With Timers = "wild" this is L5 as well. *)
L1 == \A o \in Orders : StatusAt(order[o], now) # order[o].status ~> StatusAt(order[o], now) = order[o].status

(* After its answer window, an order is eventually answered (by a command under way) or refunded. *)
L2Comes == \A o \in Orders : StatusAt(order[o], now) = "closed_no_response" /\ ~order[o].answered ~>
    order[o].answered \/ \A u \in order[o].takes : Entries(u, "refund", o) # {}

(* A deadline that has a schedule needs no sweep, however early the schedule fires. *)
L6 == \A o \in Orders :
    /\ [order |-> o, at |-> order[o].expires] \in schedules ~> order[o].status # "active"
    /\ [order |-> o, at |-> order[o].window] \in schedules
        ~> order[o].answered \/ order[o].status \notin {"active", "expired"}

---------------------------------------------------------------------------
(* Reachability: each of these must fail, or the invariants above prove nothing. *)

NoOrderIsFullAndRefunded == \A o \in Orders : Cardinality({u \in Users : Entries(u, "refund", o) # {}}) < MaxTakes

NoContactIsReusedBeforeARefund == \A o \in Orders :
    OwesRefunds(order[o]) => lock[order[o].contact].order \in {o, Nobody}

NoAnswerAfterTheHour == [][\A o \in Orders : order[o].status = "expired" => order'[o].answered = order[o].answered]_vars

=============================================================================

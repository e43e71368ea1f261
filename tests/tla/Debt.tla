-------------------------------- MODULE Debt --------------------------------
(* One user's balance, debt and ledger. The rules are those of shared/domain/money.py, the guards those that
   shared/store/users.py puts on every write of a balance. Commands run at the same time: each reads, may crash, and
   writes in one step. A write may land twice. The order's side of a take is in Order.tla. *)
EXTENDS Integers, Sequences, FiniteSets, TLC

CONSTANTS
    Payments,   (* each credits Amount once, and its provider may take it back once *)
    Amount,
    Orders,     (* each is taken at most once, for Price, and refunded at most once *)
    Price,
    MaxFlight,  (* commands at once *)
    Mutant      (* a defect to plant, or "none" *)

VARIABLES
    balance,
    debt,
    ledger,     (* a sequence of entries; its length stands for last_entry_id *)
    reversed,   (* payments that the provider took back, as the payments' items say *)
    flight      (* commands that have read and not ended *)

Symmetry == Permutations(Payments) \union Permutations(Orders)

vars == <<balance, debt, ledger, reversed, flight>>

Entry(type, of, amount) == [type |-> type, of |-> of, amount |-> amount]
Has(type, of) == \E i \in 1..Len(ledger) : ledger[i].type = type /\ ledger[i].of = of
Min(a, b) == IF a < b THEN a ELSE b

---------------------------------------------------------------------------
(* A command reads, and decides by what it read. *)

Reads(name, of) ==
    /\ Cardinality(flight) < MaxFlight
    /\ flight' = flight \union
        {[name |-> name, of |-> of, balance |-> balance, debt |-> debt, last |-> Len(ledger)]}
    /\ UNCHANGED <<balance, debt, ledger, reversed>>

Pays(p) == ~Has("payment", p) /\ p \notin reversed /\ Reads("payment", p)
TakesBack(p) == Has("payment", p) /\ p \notin reversed /\ Reads("reversal", p)
Takes(o) == ~Has("take", o) /\ balance >= Price /\ Reads("take", o)
Refunds(o) == Has("take", o) /\ ~Has("refund", o) /\ Reads("refund", o)

---------------------------------------------------------------------------
(* A command writes, if the guards hold. *)

LastEntryAsRead(c) == c.last = Len(ledger) \/ (Mutant = "entry_by_read" /\ c.name = "reversal")
DebtAsRead(c) == c.debt = debt \/ Mutant = "debt_by_read"
(* The entry's key is new; a reversal requires the payment to be as read. *)
OnlyOnce(c) == IF c.name = "reversal" THEN c.of \notin reversed ELSE ~Has(c.name, c.of)

(* A credit, and the repayment of as much of the debt as the balance then covers. *)
Credits(c, amount) ==
    LET repaid == IF Mutant = "refund_forgets" /\ c.name = "refund" THEN 0
                  ELSE IF Mutant = "repays_too_much" /\ c.debt > 0 THEN c.balance + amount
                  ELSE Min(c.debt, c.balance + amount)
        repayment == IF repaid = 0 THEN <<>> ELSE <<Entry("repayment", <<c.name, c.of>>, -repaid)>>
    IN /\ balance' = c.balance + amount - repaid
       /\ debt' = c.debt - Min(repaid, c.debt)
       /\ ledger' = Append(ledger, Entry(c.name, c.of, amount)) \o repayment
       /\ UNCHANGED reversed

Debits(c) ==
    /\ balance' = c.balance - Price
    /\ debt' = c.debt
    /\ ledger' = Append(ledger, Entry("take", c.of, -Price))
    /\ UNCHANGED reversed

(* What the balance does not cover becomes a debt. An empty balance makes no entry, and is not written. *)
Reverses(c) ==
    LET taken == Min(c.balance, Amount)
    IN /\ balance' = IF taken = 0 THEN balance ELSE c.balance - taken
       /\ debt' = c.debt + Amount - taken
       /\ ledger' = IF taken = 0 THEN ledger ELSE Append(ledger, Entry("reversal", c.of, -taken))
       /\ reversed' = reversed \union {c.of}

Lands(c) ==
    /\ LastEntryAsRead(c) /\ DebtAsRead(c) /\ OnlyOnce(c)
    /\ CASE c.name = "payment" -> Credits(c, Amount)
         [] c.name = "refund" -> Credits(c, Price)
         [] c.name = "take" -> Debits(c)
         [] c.name = "reversal" -> Reverses(c)
    /\ UNCHANGED flight  (* the same write may arrive once more *)

(* A crash, or the end of an attempt. The next attempt reads again. *)
Ends(c) == flight' = flight \ {c} /\ UNCHANGED <<balance, debt, ledger, reversed>>

---------------------------------------------------------------------------

Init ==
    /\ balance = 0
    /\ debt = 0
    /\ ledger = <<>>
    /\ reversed = {}
    /\ flight = {}

Next ==
    \/ \E p \in Payments : Pays(p) \/ TakesBack(p)
    \/ \E o \in Orders : Takes(o) \/ Refunds(o)
    \/ \E c \in flight : Lands(c) \/ Ends(c)

Spec == Init /\ [][Next]_vars

---------------------------------------------------------------------------
(* Safety. *)

RECURSIVE SumOf(_, _)
SumOf(types, entries) ==
    IF entries = <<>> THEN 0
    ELSE (IF Head(entries).type \in types THEN Head(entries).amount ELSE 0) + SumOf(types, Tail(entries))
Sum(types) == SumOf(types, ledger)

I1 == balance = Sum({"payment", "reversal", "take", "refund", "repayment"})

I2 == balance >= 0 /\ debt >= 0

(* The balance plus the revenue, less the debt, equals what the providers took and did not give back. *)
I3 == LET held == {p \in Payments : Has("payment", p) /\ p \notin reversed}
      IN balance - Sum({"take", "refund"}) - debt = Amount * Cardinality(held)

I4 == [][Len(ledger) <= Len(ledger') /\ SubSeq(ledger', 1, Len(ledger)) = ledger]_vars

I5 == \A i, j \in 1..Len(ledger) : ledger[i].type = ledger[j].type /\ ledger[i].of = ledger[j].of => i = j

(* A debt is what was taken back beyond the balance, less the repayments, and stands beside an empty balance. A
   repayment follows its credit and takes no more than it left. *)
I27 ==
    /\ debt = Amount * Cardinality(reversed) + Sum({"reversal", "repayment"})
    /\ debt = 0 \/ balance = 0
    /\ \A i \in 1..Len(ledger) : ledger[i].type = "repayment" =>
        /\ i > 1 /\ ledger[i].of = <<ledger[i - 1].type, ledger[i - 1].of>>
        /\ ledger[i].amount < 0

---------------------------------------------------------------------------
(* Reachability: must fail, or the invariants above prove nothing. *)

NoDebtIsRepaidInParts == Cardinality({i \in 1..Len(ledger) : ledger[i].type = "repayment"}) < 2

=============================================================================

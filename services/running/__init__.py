"""What a run asks for at each step: the gate, the ledger, visits, waiting, and the runs themselves."""

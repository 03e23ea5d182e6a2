"""What the apps above learn of a structure's life, inside the transaction that changes it.

To be told: `structure_founded` (structure, founder), a private structure created from the site;
`identifier_changing` (old, new, services), everything that hangs on `old` goes to `new`, `services`
mapping the old services' ids to the new services.

To be asked what will follow, receivers returning a list of `plumbing.facts.Fact`:
`structure_deactivating` (structure), `service_deactivating` (service), `identifier_change_asked`
(structure). Likewise `place_asked` (structure, user): what `user` is there; `manager_asked` (structure):
who may change it; `waiting_asked` (structures, by their ids): what waits in each for its managers, a Fact
whose `who` is the structure's id; `handover_asked` (structure, user): who takes it over and when, or took it lately,
a Fact whose `who` begins with the reference of the act; likewise a claim to replace `user` there (`claim_against`).
"""

from django.dispatch import Signal

structure_founded = Signal()
identifier_changing = Signal()
structure_deactivating = Signal()
service_deactivating = Signal()
identifier_change_asked = Signal()
place_asked = Signal()
manager_asked = Signal()
waiting_asked = Signal()
handover_asked = Signal()

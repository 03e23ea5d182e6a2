"""What the apps above learn of a structure's life, inside the transaction that changes it.

To be told: `structure_founded` (structure, founder), a private structure created from the site;
`identifier_changing` (old, new, services), everything that hangs on `old` goes to `new`, `services`
mapping the old services' ids to the new services.

To be asked, for the page that says what will follow, receivers returning a list of French
sentences: `structure_deactivating` (structure), `service_deactivating` (service),
`identifier_change_asked` (structure).
"""

from django.dispatch import Signal

structure_founded = Signal()
identifier_changing = Signal()
structure_deactivating = Signal()
service_deactivating = Signal()
identifier_change_asked = Signal()


def sentences(signal, **about):
    """What all receivers have to say, in one list."""
    return [sentence for _, answer in signal.send(sender=None, **about) for sentence in answer]

"""Who may see a file of a ticket. What a person asked is scoped to them; all of it is support's."""

import rules


@rules.predicate
def is_asker(user, file):
    return file.ticket.author_id == user.pk


@rules.predicate
def is_sent_or_own(user, file):
    return file.message_id is not None or file.added_by_id == user.pk


rules.add_perm("support.read_file", (rules.is_staff | is_asker) & is_sent_or_own)

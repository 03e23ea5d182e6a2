from concurrent.futures import ThreadPoolExecutor

_END = object()


def ahead(items):
    """The items of an iterator, each made by a thread while the one before it is being used.

    That thread has a database connection of its own: what makes the items must not ask the database.
    """
    items = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, items, _END)
            yield item

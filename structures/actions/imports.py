"""Reading a file into the directory."""


def receive_import(file, *, actor):
    """Keep an uploaded file and have it imported; the waiting DirectoryImport.

    Raises ActionError when the file is empty or too large.
    """
    raise NotImplementedError


def run_import(import_id):
    """Import the file of a DirectoryImport, from where an earlier run stopped.

    Raises ActionError when another import is running.
    """
    raise NotImplementedError

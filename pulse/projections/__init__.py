"""Read models: tables that answer a question each, folded from the log and rebuilt from it at any time."""

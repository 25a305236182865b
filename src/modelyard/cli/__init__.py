"""The command line: `main` answers, `app` lists the commands, one file a topic holds them."""

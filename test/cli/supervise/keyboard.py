"""Runs a command in a terminal and types on it: keyboard.py '[["text to wait for", "keys"], ...]' command...

Copies what the command writes. Keys of null close the terminal. Exits as the command does."""

import json, os, pty, sys

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
while terminal is not None:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        break
    if not data:
        break
    os.write(1, data)
    seen += data
    while steps and steps[0][0].encode() in seen:
        text, keys = steps.pop(0)
        seen = seen[seen.index(text.encode()) + len(text) :]
        if keys is None:
            os.close(terminal)
            terminal = None
            break
        os.write(terminal, keys.encode())
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)

"""Runs a command in a terminal of 100 by 35 and copies what it writes; exits as the command does."""

import fcntl, os, pty, struct, sys, termios

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 35, 100, 0, 0))
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

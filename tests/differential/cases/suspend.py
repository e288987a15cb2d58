"""guest-suspend-ram, -disk and -hybrid, as far as they can be asked on a machine that shall stay awake: in ways that are refused.

And whoever plays these puts the agent where it could not obey (compare.HARMFUL).
"""

import os

from declare import Subject

subject = Subject("suspend")

for command in ("guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid"):
    # Without the kernel's file ours does not come to look at the arguments (differences.md: command-that-can-not-work).
    of_command = ['{"mode":"mem"}', '{"":0}', '{"x":{"y":[1,2]}}'] if os.path.exists("/sys/power/state") else []
    for arguments in [*of_command, "[]", "null", '"disk"', "1"]:
        subject.wire("%s with %s" % (command, arguments), ('{"execute":"%s","arguments":%s,"id":7}{"execute":"guest-ping"}'
                                                           % (command, arguments)).encode())
    for name in (command + "x", command[:-1], command.upper(), command.replace("suspend", "suspend-to"), command + "\\u0000"):
        subject.wire("no command: %s" % name, ('{"execute":"%s"}' % name).encode())

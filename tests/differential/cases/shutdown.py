"""guest-shutdown, as far as it can be asked on a machine that shall stay up: with a mode that is refused."""

from declare import Subject

subject = Subject("shutdown")

# None of these is valid; and whoever plays them puts the agent where it could not obey (agents.caged).
for mode in ("sideways", "", "POWERDOWN", "Halt", "power-down", "poweroff", "halt ", " halt", "haltt", "hal", "reboot\\n",
        "reboot\\u0000", "power\\u0000down", "\\u0000", "-P", "-h", "now", "restart",
             "halt|powerdown|reboot", "h\\u00e4lt", "x" * 300):
    subject.wire("mode %s" % mode, ('{"execute":"guest-shutdown","arguments":{"mode":"%s"}}' % mode).encode())
    subject.wire("mode %s, with an id" % mode,
            ('{"execute":"guest-shutdown","id":7,"arguments":{"mode":"%s"}}{"execute":"guest-ping"}' % mode).encode())

"""guest-get-timezone: TZ as a rule, as the name of a zone, as a file, and as nonsense; and without it."""

import os

from declare import Subject

subject = Subject("timezone")

RULES = ("UTC0", "XXX-5:30", "ABC3", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "AEST-10AEDT,M10.1.0,M4.1.0/3",
         "<+0330>-3:30", "<-03>3", "AAA0BBB,J60/0,J300/0", "AAA0BBB,0/0,J364/23")
ZONES = ("UTC", "Etc/UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Pacific/Chatham", "Africa/Casablanca", "America/Sao_Paulo", "Antarctica/Troll", "Pacific/Kiritimati")
DATABASE = "/usr/share/zoneinfo"


def zone(name, value):
    @subject.scenario(name=name, env={"TZ": value})
    def at_this_moment(t):
        t.call("guest-get-timezone")
        t.call("guest-get-timezone", {}, id=1)


for value in RULES:
    zone("rule " + value, value)
for value in ZONES:
    # Where there is no database both must say UTC.
    zone("zone " + value, value)
    zone("file " + value, os.path.join(DATABASE, value))
zone("zone behind a colon", ":Europe/Berlin")
zone("file behind a colon", ":" + os.path.join(DATABASE, "Asia/Kathmandu"))
zone("rule behind a colon", ":XXX-5:30")
for value in ("Nowhere/Land", "/no/such/file", "x"):
    zone("nonsense " + value, value)


@subject.scenario
def the_machines_own(t):
    t.call("guest-get-timezone")
    t.call("guest-get-timezone", {"x": 1})

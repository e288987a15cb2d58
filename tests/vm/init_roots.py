"""The disks of inits.py: for each init system what a guest has at least, and what a distribution would put beside its files."""

# An init may have mounted some of it to look at it.
MOUNT = """[ -d /proc/1 ] || mount -t proc proc /proc
[ -d /sys/class ] || mount -t sysfs sys /sys
mount -t tmpfs -o mode=0755 run /run
"""
# The root can be made read-only once those that write to it have ended.
LET_GO = """echo the last of %s
for tries in 1 2 3 4 5 6 7 8 9; do
    mount -o remount,ro / 2>/dev/null && echo the root is let go && break
    sleep 0.3
done
"""


def runit(root):
    root.take("sbin/runit", "lib/runit", "etc/runit", "usr/bin/runsv", "usr/bin/runsvdir", "usr/bin/sv", "usr/bin/chpst",
              "usr/sbin/runsvchdir", "etc/service")
    # Its own stages 1 to 3, with what they run where there are no scripts of System V.
    for name in ("native.boot.run", "no.emulate.sysv"):
        root.text("etc/runit/" + name, "")
    root.text("etc/runit/boot-run/mount.sh", MOUNT)
    root.text("etc/runit/shutdown-run/end.sh", LET_GO % "runit")
    # What its installation makes; and the one command that is not in busybox, as stage 1 uses it.
    root.link("etc/runit/runsvdir/current", "default")
    root.script("bin/install", ": >$3\nchmod ${1#-m} $3\n")
    root.picoqga("runit")
    root.link("etc/runit/runsvdir/default/picoqga", "/etc/sv/picoqga")


def s6(root):
    root.take("usr/bin/s6-svscan", "usr/bin/s6-supervise", "usr/bin/s6-svscanctl", "usr/bin/s6-svc", "usr/bin/s6-svwait")
    root.script("sbin/init", MOUNT + "cp -r /etc/s6 /run/s6\nexec s6-svscan /run/s6/sv\n")
    scan = "etc/s6/sv/.s6-svscan/"
    for signal, end in (("SIGUSR1", "poweroff"), ("SIGUSR2", "halt"), ("SIGINT", "reboot")):
        root.script(scan + signal, "echo %s >/run/end\nexec s6-svscanctl -t /run/s6/sv\n" % end)
    root.script(scan + "finish", LET_GO % "s6: $(cat /run/end)" + "exec busybox $(cat /run/end) -f\n")
    root.picoqga("s6")


def sysvinit(root):
    # Its scripts want its own halt, and busybox's shell would take busybox's.
    root.take("bin/dash", package="needed")
    root.link("bin/sh", "dash")
    root.take("sbin/init", "sbin/halt", "sbin/reboot", "sbin/killall5", "lib/init", "lib/lsb", "etc/default",
              *("etc/init.d/" + name for name in ("sendsigs", "umountroot", "halt", "reboot")))
    root.text("etc/inittab", "id:2:initdefault:\nsi::sysinit:/etc/rc.mount\nl2:2:wait:/lib/init/rc 2\n"
              "l0:0:wait:/lib/init/rc 0\nl6:6:wait:/lib/init/rc 6\n")
    root.script("etc/rc.mount", MOUNT)
    root.script("etc/init.d/end", LET_GO % "sysvinit")
    root.picoqga("sysv")
    root.link("etc/rc2.d/S01picoqga", "../init.d/picoqga")
    for level, last in (("0", "halt"), ("6", "reboot")):
        for place, name in enumerate(("picoqga", "sendsigs", "end", "umountroot", last)):
            root.link("etc/rc%s.d/K%02d%s" % (level, place, name), "../init.d/" + name)


def openrc(root):
    root.take("sbin/openrc-init", "sbin/openrc", "sbin/openrc-run", "sbin/openrc-shutdown", "sbin/rc-service",
              "sbin/supervise-daemon", "lib/rc", "etc/rc.conf", "etc/runlevels")
    # Debian's asks for it.
    root.text("etc/insserv.conf", "")
    for level, name, what in (("sysinit", "begin", MOUNT.rsplit("mount", 1)[0]), ("shutdown", "end", LET_GO % "openrc")):
        root.text("etc/init.d/" + name, "#!/sbin/openrc-run\nstart() {\n%s}\n" % what, 0o755)
        root.link("etc/runlevels/%s/%s" % (level, name), "/etc/init.d/" + name)
    root.picoqga("openrc")
    root.link("etc/runlevels/default/picoqga", "/etc/init.d/picoqga")


# What a guest without disks, users and network to care for does not miss, so that its boot takes half the time.
MASKED = """modprobe@.service systemd-remount-fs.service systemd-sysctl.service systemd-random-seed.service
systemd-sysusers.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-user-sessions.service
getty.target dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
proc-sys-fs-binfmt_misc.automount systemd-tmpfiles-clean.timer systemd-tmpfiles-setup-dev.service
systemd-journal-flush.service cryptsetup.target integritysetup.target veritysetup.target systemd-ask-password-console.path
systemd-ask-password-wall.path systemd-initctl.socket systemd-tmpfiles-setup.service"""


def systemd(root):
    """With udev and its journal, but neither a message bus nor logind."""
    root.take("lib/systemd/system", "lib/systemd/systemd-udevd", "lib/systemd/systemd-journald", "lib/systemd/systemd-sleep",
              "lib/systemd/systemd", "lib/systemd/systemd-shutdown", "bin/systemctl", "bin/journalctl", "bin/udevadm",
              *("lib/udev/rules.d/" + name for name in ("50-udev-default.rules", "99-systemd.rules")))
    # From version 254 on it starts programs by this.
    root.take_if_there("lib/systemd/systemd-executor")
    root.text("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    root.text("etc/fstab", "")
    root.script("lib/systemd/system-sleep/note", 'echo "$@" >>/var/log/slept\n')
    for unit in MASKED.split():
        root.link("etc/systemd/system/" + unit, "/dev/null")
    root.picoqga("systemd")


def systemd_with_logind(root):
    systemd(root)
    root.take("lib/systemd/systemd-logind", "bin/systemd-inhibit", "usr/bin/dbus-daemon", "usr/share/dbus-1")


def hardened_systemd(root):
    """With the drop-in for guests whose host may do little."""
    systemd(root)
    root.link("etc/systemd/system/picoqga.service.d/hardened.conf", "/usr/share/doc/picoqga/hardened.conf")

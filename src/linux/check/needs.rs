//! What commands need that change something, so that they can not be tried; and how to get what is missing.
//!
//! Both are texts that are read, not tables of pointers: these would be three times as long.

use core::ffi::CStr;

use super::Reason;
use crate::error::Part;
use crate::linux::Linux;
use crate::linux::device::look_for_device;
use crate::linux::lines::decimal;
use crate::linux::options::{Options, tail};
use crate::sys::fd::{self, Access};
use crate::sys::process;

/// What commands need: the first letters of their names behind `guest-`, a letter for the kind of what is needed, and that, with
/// a NUL.
///
/// - `c`: the privilege of this number and name (capabilities(7)).
/// - `d`: a device that every system has.
/// - `f`: the program that `-F` names.
/// - `p`: the list of what is mounted, whether `/proc` is or not.
/// - `r`: a file that can be read.
/// - `s`: a file in `/sys`, mounted or not, that can be written.
/// - `w`: a directory that can be written.
/// - `h`: such a directory, without which the command works in part.
/// - `t`: a clock that runs while the machine is off, without which the command works in part.
const NEEDS: &str = "\
    exec=d/dev/null\0\n\
    fsfreeze-freeze=c21 CAP_SYS_ADMIN\0\n\
    fsfreeze-freeze=p/proc/self/mountinfo\0\n\
    fsfreeze-freeze=f\0\n\
    fsfreeze-thaw=p/proc/self/mountinfo\0\n\
    fsfreeze-thaw=f\0\n\
    fstrim=c21 CAP_SYS_ADMIN\0\n\
    fstrim=p/proc/self/mountinfo\0\n\
    set-m=s/sys/devices/system/memory/uevent\0\n\
    set-t=c25 CAP_SYS_TIME\0\n\
    set-t=t/dev/rtc0\0\n\
    set-u=r/etc/passwd\0\n\
    set-u=r/etc/shadow\0\n\
    set-u=w/etc\0\n\
    set-v=s/sys/devices/system/cpu/uevent\0\n\
    sh=c22 CAP_SYS_BOOT\0\n\
    ssh-a=r/etc/passwd\0\n\
    ssh-a=h/root\0\n\
    ssh-r=r/etc/passwd\0\n\
    ssh-r=h/root\0\n\
    su=s/sys/power/state\0";

/// How to get what is missing: words of a reason or of a name, and what to do. The first line that fits is told.
const HINTS: &str = "\
/virtio-ports=-device virtio-serial -device virtserialport,name=...; in the guest CONFIG_VIRTIO_CONSOLE
/dev/tty=-device isa-serial; in the guest CONFIG_SERIAL_8250
No such device=-device vhost-vsock-pci,guest-cid=...; in the guest CONFIG_VIRTIO_VSOCKETS
rtc0=without it only with a time given; CONFIG_RTC_CLASS and a driver such as CONFIG_RTC_DRV_CMOS
no swap=a partition or file for it: mkswap, swapon
no disk=CONFIG_HIBERNATION, and no lockdown of the kernel
no mem in=CONFIG_SUSPEND, and a machine with ACPI S3
no suspend=CONFIG_SUSPEND, and a machine with ACPI S3
/sys/power=CONFIG_SUSPEND or CONFIG_HIBERNATION
no memory blocks=CONFIG_MEMORY_HOTPLUG
/root=root has no home that can be written; others may have
Read-only=mount something there that can be written
CAP_=start it as root, with this privilege
Permission=start it as root
not permitted=start it as root
/etc/shadow=an empty file of mode 0600 will do
/etc/passwd=a line root:x:0:0::/root:/bin/sh
user 'root'=/etc/passwd with a line root:x:0:0::/root:/bin/sh
/proc=mount -t proc proc /proc; CONFIG_PROC_FS
/sys=mount -t sysfs sys /sys; CONFIG_SYSFS
/dev/null=mount -t devtmpfs dev /dev; CONFIG_DEVTMPFS
guest-network=CONFIG_NET and CONFIG_INET
No such file=make it, or name another
";

/// Gives what is before and behind the first `=` of each line to `visit`, until that answers false.
#[inline(never)] // smaller so
fn each(text: &'static str, visit: &mut dyn FnMut(&'static [u8], &'static [u8]) -> bool) {
    for line in text.as_bytes().split(|&byte| byte == b'\n') {
        let end = line.iter().position(|&byte| byte == b'=').unwrap_or(0);
        if let Some((words, [_, rest @ ..])) = line.split_at_checked(end)
            && !visit(words, rest)
        {
            return;
        }
    }
}

/// What to do about a name that does not work for this reason; empty if there is nothing to be said.
pub fn hint(name: &[u8], reason: &[u8]) -> &'static [u8] {
    let has = |text: &[u8], words: &[u8]| text.windows(words.len().max(1)).any(|window| window == words);
    let mut found: &[u8] = b"";
    each(HINTS, &mut |words, hint| {
        let fits = has(reason, words) || has(name, words);
        if fits {
            found = hint;
        }
        !fits
    });
    found
}

/// The arguments for a command that only tells something, so that it can be tried; `None` for any other.
pub fn only_tells(name: &str) -> Option<&'static [u8]> {
    if name.starts_with("guest-get-") || name.starts_with("guest-network-get-") {
        return Some(b"{}");
    }
    (name == "guest-ssh-get-authorized-keys").then_some(br#"{"username":"root"}"#)
}

/// Tells something that a command needs, and does not have here; answers whether nothing works without it.
pub(super) fn lack(name: &str, options: &Options, guest: &mut Linux, reason: &mut Reason) -> Option<bool> {
    let mut lacked = None;
    let name = name.as_bytes().strip_prefix(b"guest-").unwrap_or_default();
    each(NEEDS, &mut |start, need| {
        if name.starts_with(start)
            && let [kind, what @ ..] = need
        {
            lacked = lack_of(*kind, CStr::from_bytes_until_nul(what).unwrap_or_default(), options, guest, reason);
        }
        lacked.is_none()
    });
    lacked
}

/// As [`lack`], of one need.
fn lack_of(
    kind: u8,
    mut what: &'static CStr,
    options: &Options,
    guest: &mut Linux,
    reason: &mut Reason,
) -> Option<bool> {
    let looked = match kind {
        b'c' => {
            let (number, name) = decimal(what.to_bytes())?;
            if !process::has_capability(u32::try_from(number).ok()?) {
                reason.put(&[Part::Words("no"), Part::Bytes(name)]);
                return Some(true);
            }
            return None;
        }
        b'd' => look_for_device(what),
        b'f' => {
            what = options.freeze_hook?;
            fd::access(None, what, Access::EXECUTE)
        }
        b'p' => guest.proc.open(c"self/mountinfo").map(drop),
        b's' => guest.sys.may_write(tail(what, "/sys/".len())),
        b't' if guest.sys.open(c"class/rtc/rtc0").is_ok() => return None,
        b't' => fd::access(None, what, Access::EXIST),
        b'r' => fd::access(None, what, Access::READ),
        _ => fd::access(None, what, Access::WRITE),
    };
    let errno = looked.err()?;
    reason.put(&[Part::Bytes(what.to_bytes()), Part::Words(": "), Part::Errno(errno)]);
    Some(!matches!(kind, b'h' | b't'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::check::Reason;
    use crate::linux::table::TABLE;

    #[test]
    fn each_need_is_that_of_a_command() {
        for need in NEEDS.lines() {
            let (start, what) = need.strip_suffix('\0').unwrap().split_once('=').unwrap();
            assert!(TABLE.rows().iter().any(|row| row.name[6..].starts_with(start)), "{start}");
            assert!(
                matches!(what.as_bytes()[0], b'c' | b'd' | b'f' | b'p' | b'r' | b's' | b'w' | b'h' | b't'),
                "{need}"
            );
            if let Some(what) = what.strip_prefix('s') {
                assert!(what.starts_with("/sys/"), "{need}");
            }
            if let Some(what) = what.strip_prefix('c') {
                assert!(what.split_once(" CAP_").unwrap().0.parse::<u32>().unwrap() < 32, "{need}");
            }
        }
    }

    #[test]
    fn each_hint_can_be_told() {
        for line in HINTS.lines() {
            let (words, text) = line.split_once('=').unwrap();
            assert!(!words.is_empty() && !text.is_empty());
            // No line before it takes its words away.
            assert_eq!(hint(b"", words.as_bytes()), text.as_bytes(), "{words}");
        }
        assert_eq!(hint(b"guest-ping", b"something else"), b"");
        assert_eq!(hint(b"guest-network-get-route", b"something else"), b"CONFIG_NET and CONFIG_INET");
    }

    #[test]
    fn a_hook_is_needed_where_one_is_named() {
        for (hook, expected) in [
            (None, None),
            (Some(c"/bin/sh"), None),
            (Some(c"/nowhere"), Some("/nowhere: No such file or directory")),
            (Some(c"/etc/passwd/x"), Some("/etc/passwd/x: Not a directory")),
        ] {
            let options = Options { freeze_hook: hook, ..Options::DEFAULT };
            let mut guest = Linux::for_test(&options);
            let mut reason = Reason::new();
            let lacked = lack("guest-fsfreeze-thaw", &options, &mut guest, &mut reason);
            assert_eq!(
                lacked.map(|always| (always, str::from_utf8(reason.text()).unwrap())),
                expected.map(|text| (true, text))
            );
            assert_eq!(lack("guest-fsfreeze-status", &options, &mut guest, &mut reason), None);
        }
    }
}

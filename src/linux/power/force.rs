//! Stopping the machine without PID 1: ends all processes, writes out and lets go of the file systems, reboot(2).

use core::ffi::CStr;

use crate::errno::Errno;
use crate::guest::Shutdown;
use crate::linux::lines::{decimal, each_line};
use crate::linux::pseudo::Pseudo;
use crate::sys::power::Action;
use crate::sys::{directory, fd, mount, power, process, signal};

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// How long processes have to end after SIGTERM, and after SIGKILL.
const TERM_MS: u32 = 3000;
const KILL_MS: u32 = 1000;
const POLL_MS: u32 = 50;
/// How long to wait where it cannot be seen whether processes are left.
const BLIND_MS: u32 = 1000;

/// Kinds of file systems that have no disk or server behind them.
const WITHOUT_STORAGE: [&[u8]; 20] = [
    b"autofs",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"fusectl",
    b"hugetlbfs",
    b"mqueue",
    b"proc",
    b"pstore",
    b"ramfs",
    b"rootfs",
    b"securityfs",
    b"sysfs",
    b"tracefs",
];

/// Stops the machine. Comes back only with an error.
///
/// # Errors
/// Those of reboot(2).
pub fn stop(proc: &mut Pseudo, how: Shutdown) -> Result<(), Errno> {
    mount::sync_all();
    for (number, patience_ms) in [(SIGTERM, TERM_MS), (SIGKILL, KILL_MS)] {
        // Fails if there is nobody but PID 1 and this process, which is what is wanted.
        let _: Result<(), Errno> = signal::send(-1, number);
        wait_for_processes(proc, patience_ms);
    }
    mount::sync_all();
    let_go_of_file_systems(proc);
    mount::sync_all();
    power::stop(match how {
        Shutdown::PowerDown => Action::PowerOff,
        Shutdown::Halt => Action::Halt,
        Shutdown::Reboot => Action::Restart,
    })
}

/// Waits until no process is left but PID 1, this one, and the kernel's own, or until the time is over.
fn wait_for_processes(proc: &mut Pseudo, patience_ms: u32) {
    let mut waited_ms = 0_u32;
    while waited_ms < patience_ms {
        while process::reap_one().is_some() {}
        match others_are_left(proc) {
            Some(false) => return,
            Some(true) => {}
            None if waited_ms >= BLIND_MS => return,
            None => {}
        }
        process::sleep_ms(POLL_MS);
        waited_ms = waited_ms.saturating_add(POLL_MS);
    }
}

/// Whether there is a process but PID 1 and this one that runs a program; `None` if it cannot be seen.
fn others_are_left(proc: &mut Pseudo) -> Option<bool> {
    let root = proc.open(c".").ok()?;
    let this = u64::try_from(process::id()).ok()?;
    let mut left = false;
    let mut entries = [0; 2048];
    directory::names(&root, &mut entries, |name| {
        if let Some((id, b"")) = decimal(name.to_bytes())
            && id != 1
            && id != this
        {
            // The kernel's own threads and the dead have no program.
            let mut link = [0; 32];
            let length = name.to_bytes().len();
            let path = link.get_mut(..length).map(|to| to.copy_from_slice(name.to_bytes()));
            let rest = link.get_mut(length..).and_then(|rest| rest.first_chunk_mut::<5>());
            if let (Some(()), Some(rest)) = (path, rest) {
                *rest = *b"/exe\0";
                let path = CStr::from_bytes_until_nul(&link).unwrap_or(c"");
                left |= fd::read_link_at(&root, path, &mut [0; 1]).is_ok();
            }
        }
        !left
    })
    .ok()?;
    Some(left)
}

/// Unmounts what has storage behind it, the newest first; makes read-only what is in use.
fn let_go_of_file_systems(proc: &mut Pseudo) {
    let mut end = u32::MAX;
    let mut point = [0; 4096];
    // Each turn looks for the last mount before the one that was seen to, in a list that gets shorter: unmounting moves
    // no line before the one unmounted.
    while let Some((index, length)) = last_mount_before(proc, end, &mut point) {
        end = index;
        let place = point.get(..=length).and_then(|bytes| CStr::from_bytes_with_nul(bytes).ok());
        let Some(place) = place else { continue };
        if place == c"/" || mount::unmount(place).is_err() {
            let _: Result<(), Errno> = mount::make_read_only(place);
        }
    }
}

/// The index and the length of the name of the last mount with storage before line `end` of mountinfo. Its name is put
/// into `point`, with a NUL.
fn last_mount_before(proc: &mut Pseudo, end: u32, point: &mut [u8; 4096]) -> Option<(u32, usize)> {
    let file = proc.open(c"self/mountinfo").ok()?;
    let mut buffer = [0; 8192];
    let mut found = None;
    let mut index = 0_u32;
    each_line(&file, &mut buffer, |line| {
        if index >= end {
            return false;
        }
        if let Some(name) = mount_with_storage(line) {
            found = unescape(name, point).map(|length| (index, length)).or(found);
        }
        index = index.saturating_add(1);
        true
    })
    .ok()?;
    found
}

/// The mount point in a line of mountinfo (proc(5)), if there is storage behind it.
fn mount_with_storage(line: &[u8]) -> Option<&[u8]> {
    let mut fields = line.split(|&byte| byte == b' ');
    let point = fields.nth(4)?;
    let kind = fields.skip_while(|&field| field != b"-").nth(1)?;
    let stored = !WITHOUT_STORAGE.contains(&kind) && kind != b"tmpfs";
    stored.then_some(point)
}

/// Resolves the octal escapes of mountinfo; answers the length without the NUL.
fn unescape(name: &[u8], to: &mut [u8; 4096]) -> Option<usize> {
    let mut rest = name;
    let mut length = 0_usize;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'\\', [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..]) => {
                ((high & 3) << 6 | (middle & 7) << 3 | (low & 7), after)
            }
            _ => (first, after),
        };
        *to.get_mut(length)? = byte;
        length = length.saturating_add(1);
        rest = after;
    }
    *to.get_mut(length)? = 0;
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_with_storage_are_told_from_the_kernels_own() {
        for (line, point) in [
            ("36 35 254:1 / /mnt/a\\040b rw,noatime shared:1 master:2 - ext4 /dev/vda1 rw", Some("/mnt/a b")),
            ("21 20 0:20 / /proc rw - proc proc rw", None),
            ("22 20 0:21 / /tmp rw - tmpfs tmpfs rw", None),
            ("23 20 0:22 / /home rw - nfs4 server:/home rw", Some("/home")),
            ("nonsense", None),
        ] {
            let mut buffer = [0; 4096];
            let found = mount_with_storage(line.as_bytes()).and_then(|name| unescape(name, &mut buffer));
            let found = found.map(|length| String::from_utf8(buffer[..length].to_vec()).unwrap());
            assert_eq!(found.as_deref(), point, "{line}");
        }
    }

    #[test]
    fn other_processes_are_seen() {
        // The one that runs the tests has a parent at least.
        assert_eq!(others_are_left(&mut Pseudo::proc()), Some(true));
    }
}

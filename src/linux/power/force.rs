//! Stopping the machine without PID 1: ends all processes, writes out and lets go of the file systems, reboot(2).

use core::ffi::CStr;

use crate::bytes::position;
use crate::errno::Errno;
use crate::guest::Shutdown;
use crate::linux::lines::decimal;
use crate::linux::mounts;
use crate::linux::path::Path;
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
const WITHOUT_STORAGE: &[u8] =
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl \
    hugetlbfs mqueue proc pstore ramfs rootfs securityfs sysfs tmpfs tracefs";

/// Stops the machine. Comes back only with an error.
///
/// # Errors
/// Those of reboot(2).
pub fn stop(proc: &mut Pseudo, how: Shutdown) -> Result<(), Errno> {
    mount::sync_all();
    end_processes(proc, SIGTERM, TERM_MS);
    end_processes(proc, SIGKILL, KILL_MS);
    mount::sync_all();
    let_go_of_file_systems(proc);
    mount::sync_all();
    power::stop(match how {
        Shutdown::PowerDown => Action::PowerOff,
        Shutdown::Halt => Action::Halt,
        Shutdown::Reboot => Action::Restart,
    })
}

/// Sends a signal to all processes, and waits until none is left but PID 1, this one, and the kernel's own, or until the time
/// is over.
fn end_processes(proc: &mut Pseudo, number: i32, patience_ms: u32) {
    // Fails if there is nobody but PID 1 and this process, which is what is wanted.
    let _: Result<(), Errno> = signal::send(-1, number);
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
        waited_ms = waited_ms.wrapping_add(POLL_MS);
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
            if let Some(path) = Path::of(&[name.to_bytes(), b"/exe"]) {
                left |= fd::read_link_at(&root, path.as_c_str(), &mut [0; 1]).is_ok();
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
    while let Some((index, place)) = last_mount_before(proc, end, &mut point) {
        end = index;
        if place == c"/" || mount::unmount(place).is_err() {
            let _: Result<(), Errno> = mount::make_read_only(place);
        }
    }
}

/// The place in the list, counted from 0, of the last mount with storage before place `end`, and where it is mounted.
fn last_mount_before<'p>(proc: &mut Pseudo, end: u32, point: &'p mut [u8; 4096]) -> Option<(u32, &'p CStr)> {
    let mut found = None;
    let mut index = 0_u32;
    // A mount whose line is too long stays as it is; there is no time left to tell anybody.
    let _: Result<(), Errno> = mounts::each(proc, &mut [0; 8192], |mount| {
        if index >= end {
            return false;
        }
        if position(WITHOUT_STORAGE, mount.kind).is_none() && mount.point.to_path(point).is_some() {
            found = Some(index);
        }
        index = index.wrapping_add(1);
        true
    });
    Some((found?, CStr::from_bytes_until_nul(point).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_processes_are_seen() {
        // The one that runs the tests has a parent at least.
        assert_eq!(others_are_left(&mut Pseudo::proc()), Some(true));
    }
}

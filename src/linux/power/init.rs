//! Asking PID 1 to stop the machine, in the words of the init systems there are.
//!
//! A signal is only sent where PID 1 catches it or waits for it, which `SigCgt` and `SigBlk` of `/proc/1/status` tell, or
//! where its name leaves no doubt: the same program may be an init or a shell. Sources: systemd(1), BusyBox init, initctl(5) of sysvinit, openrc-init(8),
//! runit-init(8), s6-poweroff(8).

use core::ffi::{CStr, c_int};

use crate::bytes::{position, put, split_path};
use crate::errno::Errno;
use crate::guest::Shutdown;
use crate::linux::lines::{self, each_line, read_whole};
use crate::linux::pseudo::Pseudo;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::signal;

/// systemd's signals count from glibc's SIGRTMIN, whatever the C library of the agent takes for it.
const SIGRTMIN: c_int = 34;
const SIGINT: c_int = 2;
const SIGUSR1: c_int = 10;
const SIGUSR2: c_int = 12;
const SIGTERM: c_int = 15;
const SIGCONT: c_int = 18;

/// The programs that are known, by the names of their files.
const PROGRAMS: &[u8] = b"systemd busybox busybox.static s6-svscan openrc-init runit runit-init";

/// Asks PID 1. Answers the name of what was asked, or `None` if nothing there listens.
#[inline(never)] // smaller so
pub fn ask(proc: &mut Pseudo, how: Shutdown) -> Option<&'static str> {
    let mut path = [0; 256];
    let length = proc.read_link(c"1/exe", &mut path).unwrap_or(0);
    let program = path.get(..length).unwrap_or_default();
    // What is shown of a program whose file was replaced.
    let program = program.strip_suffix(b" (deleted)").unwrap_or(program);
    // The signals for halt, power-off and reboot, and whether the masks of PID 1 show that it waits for them.
    let (name, [halt, power_off, reboot], shown) = match position(PROGRAMS, split_path(program).1) {
        Some(0) => ("systemd", [SIGRTMIN + 3, SIGRTMIN + 4, SIGRTMIN + 5], true),
        // The init waits in sigtimedwait(2), for whose time the kernel takes the signals out of the mask. But what busybox
        // does goes by its name, and under that one it is the init. A script with traps shows what it listens to.
        Some(1 | 2) => ("busybox init", [SIGUSR1, SIGUSR2, SIGTERM], !is_called_init(proc)),
        Some(3) => ("s6-svscan", [SIGUSR2, SIGUSR1, SIGINT], true),
        Some(4) => return openrc(how).then_some("openrc-init"),
        Some(5 | 6) => return runit(proc, how).then_some("runit"),
        _ => return sysvinit(how).then_some("sysvinit"),
    };
    let number = match how {
        Shutdown::Halt => halt,
        Shutdown::PowerDown => power_off,
        Shutdown::Reboot => reboot,
    };
    let heard = !shown || listens(proc, number);
    (heard && signal::send(1, number).is_ok()).then_some(name)
}

/// Whether PID 1 was started as `init` or `linuxrc`.
fn is_called_init(proc: &mut Pseudo) -> bool {
    let mut line = [0; 256];
    let length = proc.open(c"1/cmdline").and_then(|file| read_whole(&file, &mut line)).unwrap_or(0);
    let name = line.get(..length).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default();
    position(b"init linuxrc", split_path(name).1).is_some()
}

fn listens(proc: &mut Pseudo, number: c_int) -> bool {
    let Ok(status) = proc.open(c"1/status") else { return false };
    let bit = u32::try_from(number.wrapping_sub(1)).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0);
    let mut waits = false;
    let mut buffer = [0; 1024];
    // What cannot be read, or is longer than a mask, says nothing. One that is blocked is kept for who waits for it.
    let _: Result<(), Errno> = each_line(&status, &mut buffer, |line| {
        let (name, mask) = line.split_at_checked("SigCgt:".len()).unwrap_or_default();
        waits |= position(b"SigCgt: SigBlk:", name).is_some()
            && lines::number(mask.trim_ascii(), 16).is_some_and(|(mask, _)| mask & bit != 0);
        true
    });
    waits
}

/// Writes to a FIFO that somebody reads: without a reader it cannot be opened.
fn write_to_fifo(path: &CStr, message: &[u8]) -> bool {
    Fd::open(path, OpenFlags::WRITE.with(OpenFlags::NON_BLOCKING))
        .and_then(|fifo| fifo.write(message))
        .is_ok_and(|written| written == message.len())
}

fn openrc(how: Shutdown) -> bool {
    let word: &[u8] = match how {
        Shutdown::Halt => b"halt",
        Shutdown::PowerDown => b"poweroff",
        Shutdown::Reboot => b"reboot",
    };
    write_to_fifo(c"/run/openrc/init.ctl", word)
}

/// sysvinit takes records of 384 bytes: a magic number, a command, a run level, a pause in seconds, and data.
fn sysvinit(how: Shutdown) -> bool {
    const MAGIC: u32 = 0x0309_1969;
    const CHANGE_RUN_LEVEL: u32 = 1;
    const SET_VARIABLE: u32 = 6;
    let send = |fifo: &CStr, command: u32, level: u8, data: &[u8]| {
        let mut record = [0; 384];
        let fields = [MAGIC, command, level.into(), 0].map(u32::to_ne_bytes);
        let end = put(&mut record, 0, fields.as_flattened()).unwrap_or(0);
        put(&mut record, end, data);
        write_to_fifo(fifo, &record)
    };
    // Whether run level 0 ends with power on or off is told in a variable that its scripts read.
    let variable: &[u8] = if how == Shutdown::Halt { b"INIT_HALT=HALT" } else { b"INIT_HALT=POWEROFF" };
    let level = if how == Shutdown::Reboot { b'6' } else { b'0' };
    [c"/run/initctl", c"/dev/initctl"]
        .iter()
        .any(|fifo| send(fifo, SET_VARIABLE, 0, variable) && send(fifo, CHANGE_RUN_LEVEL, level, b""))
}

/// runit looks at the permissions of two files when SIGCONT comes. It knows no halt that leaves the power on.
fn runit(proc: &mut Pseudo, how: Shutdown) -> bool {
    if how == Shutdown::Halt || !listens(proc, SIGCONT) {
        return false;
    }
    let set = |path: &CStr, flags: OpenFlags, mode: u32| Fd::open(path, flags)?.set_permissions(mode);
    let reboot_mode = if how == Shutdown::Reboot { 0o100 } else { 0 };
    let told = |flags: OpenFlags, reboot: &CStr, stop: &CStr| {
        set(reboot, flags, reboot_mode).is_ok() && set(stop, flags, 0o100).is_ok()
    };
    // Debian's has them in /run, where they are from the start; any other looks in its directory, if need be for new ones.
    let told = told(OpenFlags::WRITE, c"/run/runit.reboot", c"/run/runit.stopit")
        || told(OpenFlags::WRITE.with(OpenFlags::CREATE), c"/etc/runit/reboot", c"/etc/runit/stopit");
    told && signal::send(1, SIGCONT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_or_an_init_of_another_kind_is_not_signalled() {
        // Nothing catches SIGSTKFLT (16), so nothing that runs the tests has it caught or blocked.
        assert!(!listens(&mut Pseudo::proc(), 16));
    }
}

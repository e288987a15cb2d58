//! Sleep, through the files of `/sys/power` (the kernel's admin-guide, "System Sleep States"). A write to `state` comes back
//! when the machine is awake again. Where systemd runs, or pm-utils is installed, that is asked instead, because services and
//! hooks may want to know.

use core::ffi::CStr;

use crate::bytes::{before, split_once};
use crate::errno::Errno;
use crate::guest::{HelperError, Sleep, SleepError, Suspend};
use crate::linux::Linux;
use crate::linux::helper;
use crate::linux::lines::{each_line, read_whole};
use crate::linux::pseudo::Pseudo;
use crate::sys::fd::{Fd, OpenFlags};

impl Suspend for Linux {
    /// What `mem` means is left to the guest: where `/sys/power/mem_sleep` does not say `deep`, it is a lighter sleep.
    #[inline(never)] // smaller so
    fn suspend(&mut self, how: Sleep) -> Result<(), SleepError> {
        if let Some(result) = ask_helper(how) {
            return result;
        }
        let mut words = [0; WORDS_BYTES];
        let Bed { word, state, disk } = self.make_bed(how, &mut words)?;
        if let Some(disk) = &disk {
            disk.write(SUSPEND).map_err(|errno| SleepError::Failed(DISK, errno))?;
        }
        let result = state.write(word.as_bytes());
        // Awake again, whichever way it slept. The next guest-suspend-disk is to switch off as it did; the kernel takes the
        // word that it had itself.
        if let Some(disk) = disk
            && let Some(word) = chosen(&words)
        {
            let _: Result<usize, Errno> = disk.write(word);
        }
        result.map(drop).map_err(|errno| SleepError::Failed(STATE, errno))
    }

    fn sleep_obstacle(&mut self, how: Sleep) -> Option<&'static str> {
        if systemd_runs() {
            return None;
        }
        match self.make_bed(how, &mut [0; WORDS_BYTES]) {
            Err(SleepError::Missing(what)) => Some(what),
            _ => None,
        }
    }
}

/// What `/sys/power/disk` has for a sleep with the memory powered once that is on the disk.
const SUSPEND: &[u8] = b"suspend";

/// In an error of one that is not there to be written to.
const STATE: &str = "cannot write to '/sys/power/state'";
const DISK: &str = "cannot write to '/sys/power/disk'";

/// Room for the words of a file of `/sys/power`, of which there are six at most.
const WORDS_BYTES: usize = 128;

/// What a sleep needs.
struct Bed {
    /// What is written to `state`.
    word: &'static str,
    state: Fd,
    /// Where a sleep that is on the disk as well is chosen.
    disk: Option<Fd>,
}

impl Linux {
    /// Opens what a sleep needs; nothing is written. `words` is room for the words of a file: at the end those of `disk`, if
    /// that is needed.
    fn make_bed(&mut self, how: Sleep, words: &mut [u8; WORDS_BYTES]) -> Result<Bed, SleepError> {
        let (word, missing) = match how {
            Sleep::Ram => ("mem", "no mem in /sys/power/state"),
            Sleep::Disk | Sleep::Hybrid => ("disk", "no disk in /sys/power/state"),
        };
        let state = match open(&mut self.sys, c"power/state", word.as_bytes(), words) {
            Ok(Some(state)) => state,
            Ok(None) => return Err(SleepError::Missing(missing)),
            Err(Errno::ENOENT) => return Err(SleepError::Missing("no /sys/power/state")),
            Err(errno) => return Err(SleepError::Failed(STATE, errno)),
        };
        if how != Sleep::Ram && !has_swap(&mut self.proc) {
            return Err(SleepError::Missing("no swap space on a disk"));
        }
        if how != Sleep::Hybrid {
            return Ok(Bed { word, state, disk: None });
        }
        match open(&mut self.sys, c"power/disk", SUSPEND, words) {
            Ok(None) => Err(SleepError::Missing("no suspend in /sys/power/disk")),
            Ok(disk) => Ok(Bed { word, state, disk }),
            Err(errno) => Err(SleepError::Failed(DISK, errno)),
        }
    }
}

/// Whether systemd is there to be asked (sd_booted(3)).
fn systemd_runs() -> bool {
    Fd::open(c"/run/systemd/system", OpenFlags::READ.with(OpenFlags::DIRECTORY)).is_ok()
}

/// What a helper is called in an error; and its argument, or where it is.
type Helper = (&'static str, &'static CStr);

/// The one of systemd, by its name and argument.
#[allow(clippy::panic)] // run by the compiler
const fn systemctl(words: &'static CStr) -> Helper {
    match (words.to_str(), CStr::from_bytes_with_nul(words.to_bytes_with_nul().split_at("systemctl ".len()).1)) {
        (Ok(words), Ok(argument)) => (words, argument),
        _ => panic!("not words"),
    }
}

/// One of pm-utils, by its path.
#[allow(clippy::panic)] // as above
const fn script(path: &'static CStr) -> Helper {
    match core::str::from_utf8(path.to_bytes().split_at("/usr/sbin/".len()).1) {
        Ok(words) => (words, path),
        Err(_) => panic!("not words"),
    }
}

/// Lets systemd, or else pm-utils, put the machine to sleep. `None` where there is neither.
fn ask_helper(how: Sleep) -> Option<Result<(), SleepError>> {
    const RAM: [Helper; 2] = [systemctl(c"systemctl suspend"), script(c"/usr/sbin/pm-suspend")];
    const DISK: [Helper; 2] = [systemctl(c"systemctl hibernate"), script(c"/usr/sbin/pm-hibernate")];
    const HYBRID: [Helper; 2] = [systemctl(c"systemctl hybrid-sleep"), script(c"/usr/sbin/pm-suspend-hybrid")];
    let [(asked, argument), (script, path)] = match how {
        Sleep::Ram => RAM,
        Sleep::Disk => DISK,
        Sleep::Hybrid => HYBRID,
    };
    let mut helper = if systemd_runs() { 0_u8 } else { 2 };
    loop {
        let (words, program) = match helper {
            0 => (asked, c"/usr/bin/systemctl"),
            1 => (asked, c"/bin/systemctl"),
            // It passes over the argument.
            2 => (script, path),
            _ => return None,
        };
        helper = helper.wrapping_add(1);
        // Without a limit of time, because that goes on while the machine sleeps, and what runs after it must come to its end.
        return Some(match helper::run(program, argument, 0, &mut []).0 {
            Ok(()) => Ok(()),
            Err(HelperError::Execute(..)) => continue,
            // Somebody may have forbidden it: it is not done behind their back.
            Err(HelperError::Failed(status)) => Err(SleepError::Refused(words, status)),
            Err(HelperError::Create(errno) | HelperError::Wait(errno)) => Err(SleepError::Failed(words, errno)),
            Err(HelperError::Killed | HelperError::TimedOut(_)) => Err(SleepError::Failed(words, Errno::EINTR)),
        });
    }
}

/// Opens a file of `/sys/power`, and reads its words. `None` if it does not offer the one that is wanted.
fn open(sys: &mut Pseudo, path: &CStr, wanted: &[u8], words: &mut [u8; WORDS_BYTES]) -> Result<Option<Fd>, Errno> {
    let file = sys.open_as(path, OpenFlags::READ_WRITE)?;
    words.fill(0);
    let length = read_whole(&file, words)?;
    Ok(Some(file).filter(|_| offers(words.get(..length).unwrap_or_default(), wanted)))
}

/// Whether a file offers a word; one in brackets is the one chosen.
fn offers(words: &[u8], wanted: &[u8]) -> bool {
    words.split(|&byte| matches!(byte, b' ' | b'\n' | b'[' | b']')).any(|word| word == wanted)
}

/// The word that is chosen.
fn chosen(words: &[u8]) -> Option<&[u8]> {
    split_once(words, b'[').map(|(_, rest)| before(rest, b']'))
}

/// Whether memory can be written to a disk. The kernel would take compressed memory (zram) for one, and lose it. Where it can
/// not be seen, the kernel will say.
fn has_swap(proc: &mut Pseudo) -> bool {
    let Ok(file) = proc.open(c"swaps") else { return true };
    let mut is_there = false;
    let read = each_line(&file, &mut [0; 1024], |line| {
        is_there |= line.starts_with(b"/") && !line.starts_with(b"/dev/zram");
        true
    });
    is_there || read.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_one_is_chosen() {
        for (words, word, has, is_chosen) in [
            ("freeze mem disk\n", "mem", true, None),
            ("freeze mem disk\n", "disk", true, None),
            ("freeze mem\n", "disk", false, None),
            ("freeze memory", "mem", false, None),
            ("[platform] shutdown reboot suspend test_resume \n", "suspend", true, Some("platform")),
            ("platform [suspend]\n", "suspend", true, Some("suspend")),
            ("[disabled]\n", "suspend", false, Some("disabled")),
            ("", "mem", false, None),
        ] {
            assert_eq!(offers(words.as_bytes(), word.as_bytes()), has, "{words}");
            assert_eq!(chosen(words.as_bytes()), is_chosen.map(str::as_bytes), "{words}");
        }
    }
}

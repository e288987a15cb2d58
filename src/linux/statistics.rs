//! What the kernel counts: load averages (sysinfo(2)), processors (`/proc/stat`), disks (`/proc/diskstats`); proc(5), and
//! Documentation/admin-guide/iostats.rst of the kernel.

use super::Linux;
use super::proc_lines::{Words, number};
use crate::errno::Errno;
use crate::guest::{CpuStatistics, CpuTimes, DiskCounters, DiskStatistics, ListPlace, Load, ShortName};
use crate::sys::system;

/// A tick of `/proc/stat`, in milliseconds. `USER_HZ`, which the kernel promises to programs, is 100 on all architectures
/// but alpha and ia64.
const TICK_MS: u64 = 10;

impl Load for Linux {
    fn load_averages(&mut self) -> Result<[u64; 3], Errno> {
        system::load_averages()
    }
}

impl CpuStatistics for Linux {
    fn cpu_times(
        &mut self,
        ListPlace([from, _]): ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&CpuTimes, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        let mut is_end = false;
        self.proc_lines(c"stat", from, buffer, &mut |line, behind| {
            // The processors come first.
            is_end = !line.starts_with(b"cpu");
            !is_end && cpu_times(line).is_none_or(|times| visit(&times, ListPlace([behind, 0])))
        })?;
        if is_end {
            self.told = None;
        }
        Ok(())
    }
}

impl DiskStatistics for Linux {
    fn disk_counters(
        &mut self,
        ListPlace([from, _]): ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&DiskCounters, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        self.proc_lines(c"diskstats", from, buffer, &mut |line, behind| {
            disk_counters(line).is_none_or(|counters| visit(&counters, ListPlace([behind, 0])))
        })
        .map(drop)
    }
}

/// Reads as many numbers as there are, in a unit. A word that is no number is `None`.
fn read_numbers(words: &mut Words<'_>, unit: u64, numbers: &mut [Option<u64>]) {
    for number in numbers {
        *number = words.number().map(|number| number.saturating_mul(unit));
    }
}

/// `cpu0 387394 0 63775 845061 2417 0 2066 12393 0 0`. `None` for the line of all processors together.
fn cpu_times(line: &[u8]) -> Option<CpuTimes> {
    let mut words = Words(line);
    let id = number(words.next()?.strip_prefix(b"cpu")?)?;
    let mut times_ms = [None; 10];
    read_numbers(&mut words, TICK_MS, &mut times_ms);
    // These are there since ever.
    matches!(times_ms, [Some(_), Some(_), Some(_), Some(_), ..]).then_some(CpuTimes { id, times_ms })
}

/// ` 254 0 vda 36615 9966 5699498 25482 362392 95379 30440632 140171 0 61408 203905 346050 45 22545376 36033 79687 2217`.
/// Discards are there since Linux 4.18, flushes since 5.5.
fn disk_counters(line: &[u8]) -> Option<DiskCounters> {
    let mut words = Words(line);
    let (major, minor) = (words.number()?, words.number()?);
    let name = ShortName::of(words.next()?);
    let mut counters = [None; 17];
    read_numbers(&mut words, 1, &mut counters);
    let has_all = counters.iter().take(11).all(Option::is_some);
    has_all.then_some(DiskCounters { name, major, minor, counters })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::linux::Linux;

    /// The first `count` numbers, in a unit.
    fn numbers<const N: usize>(count: usize, unit: u64) -> [Option<u64>; N] {
        core::array::from_fn(|index| (index < count).then(|| u64::try_from(index + 1).unwrap() * unit))
    }

    #[test]
    fn the_times_of_a_processor_are_read() {
        for (line, count) in [("cpu17 1 2 3 4 5 6 7 8 9 10", 10), ("cpu17 1 2 3 4 5\n", 5), ("cpu17  1 2 3 4", 4)] {
            assert_eq!(cpu_times(line.as_bytes()), Some(CpuTimes { id: 17, times_ms: numbers(count, 10) }), "{line}");
        }
        let most = cpu_times(b"cpu0 18446744073709551615 2 3 4").unwrap();
        assert_eq!(most.times_ms[0], Some(u64::MAX), "as much as can be told");
        for line in
            ["", "cpu", "cpu  1 2 3 4 5 6 7 8 9 10", "cpu1", "cpu1 1 2 3", "cpu1 1 2 x 4", "cpux 1 2 3 4", "intr 1 2"]
        {
            assert_eq!(cpu_times(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_counters_of_a_disk_are_read() {
        let head = " 259       0 nvme0n1p12";
        // The last one has counters of a later kernel.
        for (read, counters) in [(11, 11), (15, 15), (17, 17), (17, 19)] {
            let line = (1..=counters).fold(head.to_owned(), |line, counter| format!("{line} {counter}"));
            let name = ShortName::of(b"nvme0n1p12");
            let disk = DiskCounters { name, major: 259, minor: 0, counters: numbers(read, 1) };
            assert_eq!(disk_counters(line.as_bytes()), Some(disk), "{line}");
            assert_eq!(disk_counters(line.replacen("259", "x", 1).as_bytes()), None);
            assert_eq!(disk_counters(line.replacen(" 3 ", " x ", 1).as_bytes()), None);
        }
        for line in ["", "8", "8 0", "8 0 sda", "8 0 sda 1 2 3 4 5 6 7 8 9 10", "8 -1 sda 1 2 3 4 5 6 7 8 9 10 11"] {
            assert_eq!(disk_counters(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn this_machine_has_processors_and_a_load() {
        let mut guest = Linux::for_test(&crate::linux::options::Options::DEFAULT);
        let mut found = Vec::new();
        let (mut place, mut buffer) = (ListPlace::default(), vec![0; 1024]);
        loop {
            let mut is_first = true;
            guest
                .cpu_times(place, &mut buffer, &mut |times, behind| {
                    let is_told = core::mem::take(&mut is_first);
                    if is_told {
                        place = behind;
                        found.push(times.id);
                    }
                    is_told
                })
                .unwrap();
            if is_first {
                break;
            }
        }
        assert!(guest.told.is_none());
        let text = std::fs::read_to_string("/proc/stat").unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("cpu")?.split(' ').next()?.parse().ok());
        assert_eq!(found, ids.collect::<Vec<u64>>());
        let [one, ..] = guest.load_averages().unwrap();
        assert!(one < 100_000 << 16);
    }
}

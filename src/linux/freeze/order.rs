//! Which file system has to be frozen before which: one on a loop device has its data in a file of another, and could not
//! be written out any more once that is frozen. (And has to be thawed after it, for the same reason.)

use super::super::device::{attribute, node};
use super::super::lines::device_number;
use super::super::mounts::Device;
use super::super::pseudo::Pseudo;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{directory, freeze};

/// How many devices may be stacked one on the other.
const LEVELS: u32 = 8;

/// Sorts devices so that each comes behind those that it rests on, and else leaves them in their order. `each_base` gives
/// the devices that one rests on; `None` for what is on no device that it knows, which may be on any: such a device
/// comes behind all others.
///
/// Bounded by the square of the number of devices, where all of them are stacked in the wrong order.
#[inline(never)] // smaller so
pub fn sort(devices: &mut [[u8; 8]], mut each_base: impl FnMut(Device, &mut dyn FnMut(Option<Device>))) {
    let last = devices.len().saturating_sub(1);
    let mut place = 0_usize;
    for _ in 0..devices.len() {
        let Some(&device) = devices.get(place) else { return };
        let mut is_known = true;
        each_base(Device::from_bytes(device), &mut |base| is_known &= base.is_some());
        if is_known {
            place = place.saturating_add(1);
        } else {
            move_behind(devices, place, last);
        }
    }
    for _ in 0..devices.len() {
        let mut is_sorted = true;
        for place in 0..devices.len() {
            let Some(&device) = devices.get(place) else { return };
            let mut behind = place;
            each_base(Device::from_bytes(device), &mut |base| {
                let base = base.and_then(|base| devices.iter().position(|&device| device == base.to_bytes()));
                behind = behind.max(base.unwrap_or(0));
            });
            is_sorted &= behind == place;
            move_behind(devices, place, behind);
        }
        if is_sorted {
            return;
        }
    }
}

/// Moves the device at a place to a later one.
fn move_behind(devices: &mut [[u8; 8]], from: usize, to: usize) {
    let Some(part) = devices.get_mut(from..=to) else { return };
    let mut part = part.iter_mut();
    let Some(mut hole) = part.next() else { return };
    let device = *hole;
    for next in part {
        *hole = *next;
        hole = next;
    }
    *hole = device;
}

/// Gives the devices that one rests on, through any that are between them, to `visit`: the device of the file system whose
/// file is under a loop device, those that a device of the device mapper or of md is made of. `None` for a loop device
/// whose file is not on a device. Nothing where there is no /sys.
pub fn each_base(sys: &mut Pseudo, device: Device, visit: &mut dyn FnMut(Option<Device>)) {
    if let Some(directory) = device.path(b"dev/block/").and_then(|path| sys.open(path.as_c_str()).ok()) {
        bases_of(&directory, LEVELS, visit);
    }
}

fn bases_of(device: &Fd, levels: u32, visit: &mut dyn FnMut(Option<Device>)) {
    let Some(levels) = levels.checked_sub(1) else { return visit(None) };
    // A partition rests on what its disk rests on.
    let Ok(disk) = device.open_at(if device.has(c"partition") { c".." } else { c"." }, OpenFlags::READ) else { return };
    if disk.has(c"loop/backing_file") {
        visit(loop_base(&disk));
    }
    let Ok(parts) = disk.open_at(c"slaves", OpenFlags::READ) else { return };
    let each = directory::names(&parts, &mut [0; 512], |name| {
        if let Ok(part) = parts.open_at(name, OpenFlags::READ) {
            visit(number(&part));
            bases_of(&part, levels, visit);
        }
        true
    });
    if each.is_err() {
        visit(None);
    }
}

/// The number of the device that a directory of sysfs stands for.
fn number(device: &Fd) -> Option<Device> {
    let (major, minor) = device_number(attribute(device, c"dev", &mut [0; 32])?)?;
    Some(Device { major, minor })
}

/// The device of the file system that the file under a loop device is on. Asked of the device and not read from the path
/// that sysfs has, which need not lead to the file any more.
fn loop_base(disk: &Fd) -> Option<Device> {
    let node = node(disk, &mut [0; 512])?;
    let device = Fd::open(node.as_c_str(), OpenFlags::READ.with(OpenFlags::NON_BLOCKING)).ok()?;
    let (major, minor) = freeze::loop_backing_device(&device).ok()?;
    // Without a driver it is no device: a btrfs, which has others that are not told, an overlay, the network, or memory.
    (major != 0).then_some(Device { major, minor })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const UNKNOWN: u32 = 1000;

    /// Sorts the numbers, of which the pairs say what rests on what.
    fn sorted(numbers: &[u32], pairs: &[(u32, u32)]) -> Vec<u32> {
        let device = |minor| Device { major: 7, minor };
        let mut devices: Vec<_> = numbers.iter().map(|&minor| device(minor).to_bytes()).collect();
        sort(&mut devices, |asked, visit| {
            for &(upper, base) in pairs.iter().filter(|&&(upper, _)| upper == asked.minor) {
                assert_ne!(upper, UNKNOWN);
                visit((base != UNKNOWN).then_some(device(base)));
            }
        });
        devices.into_iter().map(|bytes| Device::from_bytes(bytes).minor).collect()
    }

    #[test]
    fn what_is_in_order_stays() {
        assert_eq!(sorted(&[], &[]), []);
        assert_eq!(sorted(&[3, 1, 2], &[]), [3, 1, 2]);
        assert_eq!(sorted(&[1, 2, 3], &[(2, 1), (3, 2), (3, 9)]), [1, 2, 3]);
    }

    #[test]
    fn each_comes_behind_what_it_rests_on() {
        assert_eq!(sorted(&[2, 1, 3], &[(2, 1)]), [1, 2, 3]);
        assert_eq!(sorted(&[3, 2, 1], &[(3, 2), (2, 1)]), [1, 2, 3]);
        // Every order of five, stacked as a tree.
        let pairs = [(5, 4), (5, 3), (4, 2), (3, 2), (2, 1)];
        for number in 0..3125_u32 {
            let order: Vec<u32> = (0..5).map(|digit| number / 5_u32.pow(digit) % 5 + 1).collect();
            if (1..=5).all(|minor| order.contains(&minor)) {
                let sorted = sorted(&order, &pairs);
                let place = |minor| sorted.iter().position(|&other| other == minor).unwrap();
                assert!(pairs.iter().all(|&(upper, base)| place(upper) > place(base)), "{order:?}: {sorted:?}");
            }
        }
    }

    #[test]
    fn what_may_rest_on_any_comes_last_but_for_what_rests_on_it() {
        assert_eq!(sorted(&[1, 2, 3], &[(1, UNKNOWN)]), [2, 3, 1]);
        assert_eq!(sorted(&[1, 2, 3, 4], &[(1, UNKNOWN), (3, UNKNOWN)]), [2, 4, 1, 3]);
        assert_eq!(sorted(&[1, 2, 3], &[(1, UNKNOWN), (2, 1)]), [3, 1, 2]);
    }

    #[test]
    fn devices_that_rest_on_each_other_end_somehow() {
        assert_eq!(sorted(&[1, 2], &[(1, 2), (2, 1)]).len(), 2);
        assert_eq!(sorted(&[1, 2], &[(1, 1)]), [1, 2]);
    }

    #[test]
    fn the_devices_of_this_machine_have_bases_that_are_devices() {
        let Ok(entries) = std::fs::read_dir("/sys/dev/block") else { return };
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let (major, minor) = name.split_once(':').unwrap();
            let device = Device { major: major.parse().unwrap(), minor: minor.parse().unwrap() };
            each_base(&mut Pseudo::sys(), device, &mut |base| assert_ne!(base, Some(device), "{name} rests on itself"));
        }
    }
}

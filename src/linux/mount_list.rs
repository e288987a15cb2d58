//! Going through the file systems that are on block devices, the one that was mounted last first, in pieces between which
//! anything may be mounted and unmounted.
//!
//! Nothing is kept between two pieces but which device was told last, and how many were mounted before it. What goes
//! meanwhile is left out; what comes may be. That a file system is told twice would take two of them to go in between: the
//! one told last, and one not told.

use super::mounts::{self, Device, Mount};
use super::pseudo::Pseudo;
use crate::guest::{ListPlace, MountListError};
use crate::limits::linux::MOUNTED_DEVICES;

/// The scratch room, divided: the devices that are mounted, a path, and lines of mountinfo. Any path of a line that fits
/// into its part fits into the other.
#[derive(Debug)]
pub struct Room<'b> {
    /// The devices.
    pub devices: &'b mut [[u8; 8]],
    /// A path, and whatever else is to be held for a moment.
    pub path: &'b mut [u8],
    /// Lines.
    pub lines: &'b mut [u8],
}

impl<'b> Room<'b> {
    /// Divides `buffer`.
    pub fn of(buffer: &'b mut [u8]) -> Self {
        let (devices, rest) = buffer.split_at_mut_checked(buffer.len() / 4).unwrap_or_default();
        let (devices, _) = devices.as_chunks_mut();
        let most = devices.len().min(MOUNTED_DEVICES);
        let (lines, path) = rest.split_at_mut_checked(rest.len() / 2).unwrap_or_default();
        Room { devices: devices.get_mut(..most).unwrap_or_default(), path, lines }
    }
}

/// Lists the devices that are mounted; answers them, in the order of their first mounts.
///
/// # Errors
/// Those of the type.
pub fn devices<'b>(
    proc: &mut Pseudo,
    list: &'b mut [[u8; 8]],
    lines: &mut [u8],
) -> Result<&'b [[u8; 8]], MountListError> {
    let count = mounts::devices(proc, list, lines)?;
    Ok(list.get(..count).unwrap_or_default())
}

/// The device in the list that comes behind a place, and its place; `None` behind the last one, which was mounted first.
pub fn next(list: &[[u8; 8]], from: ListPlace) -> Option<(Device, ListPlace)> {
    // The device told last, and the length of the list up to it.
    let ListPlace([last, length]) = from;
    let left = match usize::try_from(length).ok().and_then(|length| length.checked_sub(1)) {
        None => list.len(),
        // What was mounted before it is not told yet, and can have become less.
        Some(left) => list.iter().position(|&device| device == last.to_ne_bytes()).unwrap_or(left).min(left),
    };
    let left = left.min(list.len());
    let device = *list.get(left.checked_sub(1)?)?;
    let place = ListPlace([i64::from_ne_bytes(device), i64::try_from(left).unwrap_or(0)]);
    Some((Device::from_bytes(device), place))
}

/// The device at a place.
pub fn device_at(ListPlace([device, _]): ListPlace) -> Device {
    Device::from_bytes(device.to_ne_bytes())
}

/// Gives the first mount of a device to `act`, if it is still mounted.
pub fn first(proc: &mut Pseudo, device: Device, lines: &mut [u8], act: &mut dyn FnMut(&Mount<'_>)) {
    let read = mounts::each(proc, lines, |mount| {
        let is_it = mount.block_device() == Some(device);
        if is_it {
            act(mount);
        }
        !is_it
    });
    // What fails now did not when the devices were listed: the mounts are gone.
    let _ = read;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: &[u32]) -> Vec<[u8; 8]> {
        numbers.iter().map(|&minor| Device { major: 254, minor }.to_bytes()).collect()
    }

    /// As if it were asked again for each device.
    fn all(first: &[u32], then: &[u32], after: usize) -> Vec<u32> {
        let mut place = ListPlace::default();
        let mut told = Vec::new();
        loop {
            let now = if told.len() < after { first } else { then };
            let Some((device, behind)) = next(&list(now), place) else { return told };
            assert_eq!(device_at(behind), device);
            told.push(device.minor);
            place = behind;
        }
    }

    #[test]
    fn there_is_room_for_as_many_as_the_limit_says() {
        let mut scratch = vec![0; crate::limits::linux::SCRATCH_BYTES];
        let room = Room::of(&mut scratch);
        assert_eq!(room.devices.len(), MOUNTED_DEVICES);
        assert!(room.path.len() >= room.lines.len() && room.lines.len() >= 8192);
        for size in 0..64 {
            let mut scratch = vec![0; size];
            let room = Room::of(&mut scratch);
            assert!(room.path.len() >= room.lines.len(), "{size}");
        }
    }

    #[test]
    fn the_last_one_comes_first_and_each_comes_once() {
        assert_eq!(all(&[], &[], 0), []);
        assert_eq!(all(&[1], &[1], 0), [1]);
        assert_eq!(all(&[1, 2, 3], &[1, 2, 3], 0), [3, 2, 1]);
    }

    #[test]
    fn what_comes_and_goes_meanwhile_moves_nothing_else() {
        const ALL: &[u32] = &[1, 2, 3, 4, 5];
        for (then, expected) in [
            // Told ones, the last told one, one not told, all of them.
            (&[1, 2, 3, 4][..], &[5, 4, 3, 2, 1][..]),
            (&[1, 2, 3, 5], &[5, 4, 3, 2, 1]),
            (&[1, 2, 3], &[5, 4, 3, 2, 1]),
            (&[1, 3, 4, 5], &[5, 4, 3, 1]),
            (&[4, 5], &[5, 4]),
            (&[], &[5, 4]),
            // One that is mounted now; one told whose first mount is gone, but another is left.
            (&[1, 2, 3, 4, 5, 6], &[5, 4, 3, 2, 1]),
            (&[1, 2, 3, 5, 4], &[5, 4, 3, 2, 1]),
        ] {
            assert_eq!(all(ALL, then, 2), expected, "{then:?}");
        }
    }
}

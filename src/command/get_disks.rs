//! `guest-get-disks`: the disks and their partitions, whether they are used or not.
//!
//! Schema 10.0, since 5.2; `smart` since 7.1.
//! Arguments: none.
//! Returns: a list of `name`, the path of the device; `partition`, whether it is a partition; `dependencies`, the paths of the
//! devices that it is made of, of a partition that of its disk, left out where the guest does not tell; `alias`, the name that
//! device mapper has for it; of disks that have hardware `address` (see [`disk_address`]); of NVMe disks `smart`, the log of
//! SMART and health: `temperature` in kelvin, each counter of 128 bits as two of 64, `-lo` and `-hi`, in the units of the disk.
//! Disks without a medium are left out. In the order of the guest, each disk in front of its partitions.
//! Errors: `Can't open directory "/sys/block"`, with the reason; a disk that is made of more devices than the platform has room
//! for. They are told while nothing is sent; what fails after that ends the list.
//! Differs from qemu-ga in aliases and serial numbers without udev (differences.md: disk-alias, disk-serial), in that `/sys`
//! need not be mounted (differences.md: sys-not-mounted), in disks whose place it does not find (differences.md: disk-places),
//! and in how many devices a disk may be made of (differences.md: disk-dependencies).
//! Needs [`BlockDevices`]; does not run while frozen; written in steps, so any number of disks needs no more memory than one.
//! What is plugged meanwhile may be missing.

use super::disk_address;
use super::listing::{Listed, Piece};
use crate::error;
use crate::error::Error;
use crate::guest::{BlockDevice, BlockDeviceError, BlockDevices, ListPlace};
use crate::json::write::Writer;

/// `guest-get-disks`.
#[derive(Debug)]
pub struct GetDisks;

/// The counters of the log, in its order, 16 bytes each, as two halves. They begin at [`COUNTERS`].
const HALF_NAMES: &str = "data-units-read-lo data-units-read-hi data-units-written-lo data-units-written-hi \
    host-read-commands-lo host-read-commands-hi host-write-commands-lo host-write-commands-hi \
    controller-busy-time-lo controller-busy-time-hi power-cycles-lo power-cycles-hi power-on-hours-lo power-on-hours-hi \
    unsafe-shutdowns-lo unsafe-shutdowns-hi media-errors-lo media-errors-hi \
    number-of-error-log-entries-lo number-of-error-log-entries-hi";
const COUNTERS: usize = 32;

/// Writes the log of SMART and health (NVM Express Base Specification 2.0, 5.16.1.3).
fn write_smart(log: &[u8; 512], writer: &mut Writer<'_>) {
    let &[critical_warning, low, high, spare, spare_threshold, used, ..] = log;
    writer.object(|object| {
        object.member("type").text(b"nvme");
        let temperature = u16::from_le_bytes([low, high]);
        object.numbers(
            "critical-warning temperature available-spare available-spare-threshold percentage-used",
            &[critical_warning.into(), temperature.into(), spare.into(), spare_threshold.into(), used.into()],
        );
        let (halves, _) = log.get(COUNTERS..).unwrap_or_default().as_chunks::<8>();
        if let Some(halves) = halves.first_chunk::<20>() {
            object.numbers(HALF_NAMES, &halves.map(u64::from_le_bytes));
        }
    });
}

/// At most 24 KiB: the names of the devices that it is made of, and less than 3 KiB beside them.
fn write_device(device: &BlockDevice<'_>, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("name").text(device.name);
        object.member("partition").boolean(device.is_partition);
        if let Some(made_of) = device.made_of {
            let writer = object.member("dependencies");
            let mut separator: &[u8] = b"[";
            for name in made_of.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
                writer.raw(separator);
                writer.text(name);
                separator = b", ";
            }
            writer.raw(if separator == b"[" { b"[]" } else { b"]" });
        }
        if let Some(alias) = device.alias {
            object.member("alias").text(alias);
        }
        if let Some(address) = device.address {
            disk_address::write(address, object.member("address"));
        }
        if let Some(log) = device.smart {
            write_smart(log, object.member("smart"));
        }
    });
}

/// What the client is told of an error; the directory is that of Linux, as in the text of qemu-ga.
fn told<'a>(error: BlockDeviceError) -> Error<'a> {
    match error {
        BlockDeviceError::List(errno) => error!["Can't open directory \"/sys/block\": ", errno],
        BlockDeviceError::MadeOfTooMany(limit) => {
            error!["the names of the devices that a disk is made of take more than ", limit, " bytes"]
        }
    }
}

impl<G: BlockDevices + 'static> Listed<G> for GetDisks {
    const NAME: &'static str = "guest-get-disks";

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut visit = |device: &BlockDevice<'_>, place| piece.item(place, &mut |writer| write_device(device, writer));
        guest.block_devices(from, buffer, &mut visit).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(device: &BlockDevice<'_>) -> String {
        let mut buffer = [0; 2048];
        let mut writer = Writer::new(&mut buffer, 0);
        write_device(device, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let disk = BlockDevice { name: b"/dev/x", ..BlockDevice::default() };
        let bare = r#""name": "/dev/x", "partition": false"#;
        assert_eq!(written(&disk), format!("{{{bare}}}"));
        let of = |made_of| written(&BlockDevice { made_of: Some(made_of), ..disk });
        assert_eq!(of(b""), format!(r#"{{{bare}, "dependencies": []}}"#));
        assert_eq!(of(b"/dev/a"), format!(r#"{{{bare}, "dependencies": ["/dev/a"]}}"#));
        assert_eq!(of(b"/dev/a\0/dev/\"b"), format!(r#"{{{bare}, "dependencies": ["/dev/a", "/dev/\"b"]}}"#));
        let named = BlockDevice { alias: Some(b"group-volume"), ..disk };
        assert_eq!(written(&named), format!(r#"{{{bare}, "alias": "group-volume"}}"#));
    }

    #[test]
    fn each_part_of_the_log_is_told_under_its_name() {
        let mut log = [0xEE; 512];
        log[..6].copy_from_slice(&[1, 0x43, 0x01, 99, 10, 200]);
        for (half, bytes) in (1_u64..).zip(log[32..192].as_chunks_mut::<8>().0) {
            *bytes = half.to_le_bytes();
        }
        log[32..40].fill(0xFF);
        let told = written(&BlockDevice { smart: Some(&log), ..BlockDevice::default() });
        let (_, told) = told.split_once(r#""smart": "#).unwrap();
        assert_eq!(
            told,
            concat!(
                r#"{"type": "nvme", "critical-warning": 1, "temperature": 323, "available-spare": 99, "#,
                r#""available-spare-threshold": 10, "percentage-used": 200, "#,
                r#""data-units-read-lo": 18446744073709551615, "data-units-read-hi": 2, "#,
                r#""data-units-written-lo": 3, "data-units-written-hi": 4, "#,
                r#""host-read-commands-lo": 5, "host-read-commands-hi": 6, "#,
                r#""host-write-commands-lo": 7, "host-write-commands-hi": 8, "#,
                r#""controller-busy-time-lo": 9, "controller-busy-time-hi": 10, "#,
                r#""power-cycles-lo": 11, "power-cycles-hi": 12, "power-on-hours-lo": 13, "power-on-hours-hi": 14, "#,
                r#""unsafe-shutdowns-lo": 15, "unsafe-shutdowns-hi": 16, "media-errors-lo": 17, "media-errors-hi": 18, "#,
                r#""number-of-error-log-entries-lo": 19, "number-of-error-log-entries-hi": 20}}"#,
            )
        );
    }
}

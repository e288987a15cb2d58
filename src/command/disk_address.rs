//! How a disk is told (`GuestDiskAddress`, schema 10.0): `pci-controller`, `bus-type`, `bus`, `target`, `unit`; `serial`,
//! `dev` and `ccw-address` if they are known. The members of `pci-controller` are -1 for a disk that has none.

use crate::guest::{CcwDevice, Disk, PciFunction};
use crate::json::write::Writer;

/// Writes a disk.
pub fn write(disk: &Disk<'_>, writer: &mut Writer<'_>) {
    let place = &disk.place;
    writer.object(|object| {
        object.member("bus-type").text(place.bus_kind.name().as_bytes());
        object.numbers("bus target unit", &[place.bus, place.target, place.unit]);
        let controller = object.member("pci-controller");
        match place.controller {
            Some(PciFunction { domain, bus, slot, function }) => controller.object(|object| {
                object.numbers("domain bus slot function", &[domain, bus, slot, function].map(u64::from));
            }),
            None => controller.raw(br#"{"domain": -1, "bus": -1, "slot": -1, "function": -1}"#),
        }
        if let Some(serial) = disk.serial {
            object.member("serial").text(serial);
        }
        if let Some(device) = disk.device {
            object.member("dev").text(device);
        }
        if let Some(CcwDevice { subsystem, subchannel_set, subchannel, device }) = place.ccw {
            object.member("ccw-address").object(|object| {
                let numbers = [subsystem, subchannel_set, subchannel, device].map(u64::from);
                object.numbers("cssid ssid subchno devno", &numbers);
            });
        }
    });
}

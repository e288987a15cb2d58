//! How a disk is told (`GuestDiskAddress`, schema 10.0): `pci-controller`, `bus-type`, `bus`, `target`, `unit`; `serial`,
//! `dev` and `ccw-address` if they are known. The members of `pci-controller` are -1 for a disk that has none.

use crate::guest::Disk;
use crate::json::write::Writer;

/// Writes a disk.
pub fn write(disk: &Disk<'_>, writer: &mut Writer<'_>) {
    let place = &disk.place;
    writer.object(|object| {
        object.member("bus-type").text(place.bus_kind.name().as_bytes());
        for (name, number) in [("bus", place.bus), ("target", place.target), ("unit", place.unit)] {
            object.member(name).unsigned(number);
        }
        object.member("pci-controller").object(|object| {
            let [domain, bus, slot, function] = match place.controller {
                Some(pci) => [pci.domain, pci.bus, pci.slot, pci.function].map(i64::from),
                None => [-1; 4],
            };
            for (name, number) in [("domain", domain), ("bus", bus), ("slot", slot), ("function", function)] {
                object.member(name).integer(number);
            }
        });
        if let Some(serial) = disk.serial {
            object.member("serial").text(serial);
        }
        if let Some(device) = disk.device {
            object.member("dev").text(device);
        }
        if let Some(ccw) = place.ccw {
            object.member("ccw-address").object(|object| {
                for (name, number) in [
                    ("cssid", ccw.subsystem),
                    ("ssid", ccw.subchannel_set),
                    ("subchno", ccw.subchannel),
                    ("devno", ccw.device),
                ] {
                    object.member(name).unsigned(number.into());
                }
            });
        }
    });
}

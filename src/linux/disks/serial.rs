//! The serial number of a disk, in the form in which udev gives it (`ID_SERIAL`), because that is what clients of qemu-ga know.
//!
//! It is taken from udev's database where there is one (`/run/udev/data/bMAJOR:MINOR`, lines `E:NAME=VALUE`). Without, it is
//! put together as udev's own programs would, from what the kernel has read of the disk:
//! - virtio, MMC: the attribute `serial`;
//! - NVMe: `MODEL_SERIAL`, from the attributes of the controller;
//! - SCSI (scsi_id): from the page of identifiers (SPC, page 83h): the best of those of the unit itself, in hexadecimal or as
//!   text, behind its type and, if it is the vendor's own, the names of vendor and model; else from the page of the serial
//!   number (80h), behind `S` and those names. So QEMU's `serial=X` is `0QEMU_QEMU_HARDDISK_X`;
//! - ATA (ata_id): `MODEL_SERIAL`, from the identifier that libata makes of both;
//! - USB (usb_id): `VENDOR_MODEL_SERIAL-TARGET:UNIT`, with the serial number of the USB device.

use super::{Disks, attribute, line};
use crate::guest::DiskBus;
use crate::linux::path::Path;
use crate::sys::fd::{Fd, OpenFlags};

/// A serial number; longer ones are left out.
pub type Serial = heapless::Vec<u8, 256>;

impl Disks {
    /// The serial number of the disk `whole`; `own` is the disk or a partition of it, `path` where its hardware is.
    pub(super) fn serial(
        &self,
        own: &Fd,
        whole: &Fd,
        path: &[u8],
        bus_kind: DiskBus,
        buffer: &mut [u8],
    ) -> Option<Serial> {
        if let Some(serial) = self.of_udev(own, buffer) {
            return Some(serial);
        }
        if let Some(serial) = attribute(whole, c"serial", buffer) {
            return Serial::from_slice(serial.trim_ascii()).ok();
        }
        if let Some(serial) = attribute(whole, c"device/serial", buffer) {
            let serial = Serial::from_slice(serial.trim_ascii()).ok()?;
            if bus_kind != DiskBus::Nvme {
                return Some(serial);
            }
            return joined(attribute(whole, c"device/model", buffer)?, &serial);
        }
        let vendor = Serial::from_slice(name(attribute(whole, c"device/vendor", buffer)?)).ok()?;
        let model = Serial::from_slice(name(attribute(whole, c"device/model", buffer)?)).ok()?;
        if bus_kind == DiskBus::Usb {
            return self.of_usb(path, &vendor, &model, buffer);
        }
        let is_ata = vendor.trim_ascii_end() == b"ATA";
        let identifiers = attribute(whole, c"device/vpd_pg83", buffer)
            .and_then(|page| if is_ata { of_ata(page) } else { of_identifiers(page, &vendor, &model) });
        match identifiers {
            Some(serial) => Some(serial),
            None => of_unit(attribute(whole, c"device/vpd_pg80", buffer)?, &vendor, &model),
        }
    }

    fn of_udev(&self, own: &Fd, buffer: &mut [u8]) -> Option<Serial> {
        let entry = Path::of(&[b"b", attribute(own, c"dev", buffer)?.trim_ascii()])?;
        let file = self.udev.as_ref()?.open_at(entry.as_c_str(), OpenFlags::READ).ok()?;
        let length = crate::linux::lines::read_whole(&file, buffer).ok()?;
        let serial = line(buffer.get(..length)?, b"E:ID_SERIAL=")?;
        Serial::from_slice(serial).ok().filter(|serial| !serial.is_empty())
    }

    /// `path` goes through the USB device, one of its interfaces (`1-1:1.0`), the host of SCSI, a target and the unit.
    fn of_usb(&self, path: &[u8], vendor: &[u8], model: &[u8], buffer: &mut [u8]) -> Option<Serial> {
        let end = path.windows(5).position(|window| window == b"/host")?;
        let interface = path.get(..end)?;
        let end = interface.iter().rposition(|&byte| byte == b'/')?;
        let device = Path::of(&[interface.get(..end)?])?;
        let device = self.sysfs.open_at(device.as_c_str(), OpenFlags::READ).ok()?;
        let [_, target, unit] = super::place::target(path)?;
        let mut serial = joined(vendor, model)?;
        if let Some(own) = attribute(&device, c"serial", buffer) {
            serial.push(b'_').ok()?;
            push_clean(&mut serial, own)?;
        }
        serial.push(b'-').ok()?;
        push_number(&mut serial, target)?;
        serial.push(b':').ok()?;
        push_number(&mut serial, unit)?;
        Some(serial)
    }
}

fn push_number(serial: &mut Serial, number: u64) -> Option<()> {
    serial.extend_from_slice(crate::json::write::decimal(number, &mut [0; 20])).ok()
}

/// The name of a vendor or model as the disk gave it, with its blanks.
fn name(attribute: &[u8]) -> &[u8] {
    attribute.strip_suffix(b"\n").unwrap_or(attribute)
}

/// Two texts with `_` between them.
fn joined(first: &[u8], second: &[u8]) -> Option<Serial> {
    let mut serial = Serial::new();
    push_clean(&mut serial, first)?;
    serial.push(b'_').ok()?;
    push_clean(&mut serial, second)?;
    Some(serial)
}

/// Appends a text as udev writes it: without blanks at its ends, with `_` for each run of them and for other characters that
/// have no place in the name of a file.
fn push_clean(serial: &mut Serial, text: &[u8]) -> Option<()> {
    let mut was_blank = false;
    for &byte in text.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii() {
        let is_blank = byte.is_ascii_whitespace();
        let is_plain = byte.is_ascii_alphanumeric() || b"#+-.:=@_".contains(&byte) || !byte.is_ascii();
        if !(is_blank && was_blank) {
            serial.push(if is_plain { byte } else { b'_' }).ok()?;
        }
        was_blank = is_blank;
    }
    Some(())
}

/// An identifier of page 83h: behind its head of four bytes, in which are how it is written, what it identifies, what type
/// it has and how long it is.
#[derive(Clone, Copy)]
struct Identifier<'p> {
    is_text: bool,
    kind: u8,
    value: &'p [u8],
}

const OF_VENDOR: u8 = 0;
const OF_T10_VENDOR: u8 = 1;
const EUI_64: u8 = 2;
const NAA: u8 = 3;

/// The identifiers of page 83h that are those of the unit itself, and not of a port or of what the unit is part of. The page
/// has a head of four bytes with its number and length.
fn identifiers(page: &[u8]) -> impl Iterator<Item = Identifier<'_>> {
    let mut rest = match page {
        [_, 0x83, high, low, rest @ ..] => rest.get(..usize::from(u16::from_be_bytes([*high, *low]))).unwrap_or(rest),
        _ => &[],
    };
    core::iter::from_fn(move || {
        loop {
            let [code_set, kind, _, length, after @ ..] = rest else { return None };
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            if kind & 0x30 == 0 {
                return Some(Identifier { is_text: code_set & 0xF != 1, kind: kind & 0xF, value });
            }
        }
    })
}

/// How good an identifier is, the least the best; `None` for those that are not used.
fn rank(identifier: Identifier<'_>) -> Option<u8> {
    let rank = match (identifier.kind, identifier.value.first()? >> 4) {
        (NAA, 6) => 0,
        (NAA, 5) => 2,
        (NAA, _) => 4,
        (EUI_64, _) => 6,
        (OF_T10_VENDOR, _) => 8,
        (OF_VENDOR, _) => 10,
        _ => return None,
    };
    Some(rank | u8::from(identifier.is_text))
}

fn of_identifiers(page: &[u8], vendor: &[u8], model: &[u8]) -> Option<Serial> {
    let best = identifiers(page).filter(|&identifier| rank(identifier).is_some()).min_by_key(|&one| rank(one))?;
    let mut text = Serial::new();
    text.push(hexadecimal(best.kind)).ok()?;
    if best.kind == OF_VENDOR {
        text.extend_from_slice(vendor).ok()?;
        text.extend_from_slice(model).ok()?;
    }
    if best.is_text {
        text.extend_from_slice(best.value).ok()?;
    } else {
        for byte in best.value {
            text.push(hexadecimal(byte >> 4)).ok()?;
            text.push(hexadecimal(byte & 0xF)).ok()?;
        }
    }
    let mut serial = Serial::new();
    push_clean(&mut serial, &text)?;
    Some(serial)
}

fn hexadecimal(value: u8) -> u8 {
    if value < 10 { b'0'.wrapping_add(value) } else { b'a'.wrapping_add(value.wrapping_sub(10)) }
}

/// libata makes an identifier of type T10 of `ATA     `, the model (40 bytes) and the serial number (20 bytes).
fn of_ata(page: &[u8]) -> Option<Serial> {
    let own = identifiers(page).find(|one| one.kind == OF_T10_VENDOR && one.value.starts_with(b"ATA     "))?;
    joined(own.value.get(8..48)?, own.value.get(48..68)?)
}

/// Page 80h: a head of four bytes with its number and length, and the serial number.
fn of_unit(page: &[u8], vendor: &[u8], model: &[u8]) -> Option<Serial> {
    let [_, 0x80, high, low, rest @ ..] = page else { return None };
    let own = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    let mut text = Serial::new();
    for part in [b"S", vendor, model, own] {
        text.extend_from_slice(part).ok()?;
    }
    let mut serial = Serial::new();
    push_clean(&mut serial, &text)?;
    Some(serial).filter(|_| !own.trim_ascii().is_empty())
}

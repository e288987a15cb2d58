//! The serial number of a disk, in the form in which udev gives it (`ID_SERIAL`), because that is what clients of qemu-ga know.
//!
//! It is taken from udev's database where there is one (`/run/udev/data/bMAJOR:MINOR`, lines `E:NAME=VALUE`). Without, it is
//! put together as udev's own programs would, from what the kernel has read of the disk:
//! - virtio, MMC: the attribute `serial`;
//! - NVMe: `MODEL_SERIAL_NAMESPACE`, from the attributes of the controller and the number of the namespace, which rules of udev
//!   before 253 leave out (of blanks in a row udev makes as many `_` there, and here one, as elsewhere);
//! - SCSI (scsi_id): from the page of identifiers (SPC, page 83h): the best of those of the unit itself, in hexadecimal or as
//!   text, behind its type and, if it is the vendor's own, the names of vendor and model; else from the page of the serial
//!   number (80h), behind `S` and those names. So QEMU's `serial=X` is `0QEMU_QEMU_HARDDISK_X`;
//! - ATA (ata_id): `MODEL_SERIAL`, from the identifier that libata makes of both;
//! - USB (usb_id): `VENDOR_MODEL_SERIAL-TARGET:UNIT`, with the serial number of the USB device, unless it has a comma in it or
//!   what is not printable ASCII.

use core::ffi::CStr;
use core::slice;

use super::place::{Components, target};
use super::{Disks, attribute, line};
use crate::bytes::{hexadecimal_digit, split_path};
use crate::guest::DiskBus;
use crate::json::write::Writer;
use crate::linux::lines::read_whole;
use crate::linux::path::open_at;
use crate::sys::fd::{Fd, OpenFlags};

/// The longest serial number, in bytes; longer ones are left out.
pub const BYTES: usize = 256;

/// More than the name of any vendor or model.
const NAME_BYTES: usize = 256;

impl Disks {
    /// Writes the serial number of the disk `whole`; `own` is the disk or a partition of it, `path` where its hardware is.
    /// `None`, or nothing written, if it is not known; it may be empty as well.
    #[inline(never)] // smaller so
    pub(super) fn serial(
        &self,
        own: &Fd,
        whole: &Fd,
        path: &[u8],
        bus_kind: DiskBus,
        buffer: &mut [u8],
        text: &mut Writer<'_>,
    ) -> Option<()> {
        if self.of_udev(own, buffer, text).is_some() {
            return Some(());
        }
        if let Some(serial) = attribute(whole, c"serial", buffer) {
            text.raw(serial.trim_ascii());
            return Some(());
        }
        let [vendor, model] = &mut [[0; NAME_BYTES]; 2];
        // SCSI has a vendor, and no other: newer kernels give SCSI disks a serial number too, which udev does not look at.
        let Some(vendor) = attribute(whole, c"device/vendor", vendor) else {
            join(whole, c"device/model", buffer, text);
            join(whole, c"device/serial", buffer, text);
            join(whole, c"nsid", buffer, text);
            return Some(());
        };
        let vendor = name(vendor);
        let model = name(attribute(whole, c"device/model", model)?);
        if bus_kind == DiskBus::Usb {
            return self.of_usb(path, vendor, model, buffer, text);
        }
        if vendor.starts_with(b"ATA ")
            && attribute(whole, c"device/vpd_pg83", buffer).and_then(|page| of_ata(page, text)).is_some()
        {
            return Some(());
        }
        let identifier = match attribute(whole, c"device/vpd_pg83", buffer).and_then(best) {
            None => of_unit(attribute(whole, c"device/vpd_pg80", buffer)?)?,
            Some(identifier) => identifier,
        };
        let mut clean = Clean::new(text);
        clean.push(&[identifier.kind]);
        if matches!(identifier.kind, OF_VENDOR | OF_UNIT) {
            clean.push(vendor);
            clean.push(model);
        }
        for byte in identifier.value {
            let digits = &[hexadecimal_digit(byte >> 4), hexadecimal_digit(byte & 0xF)];
            clean.push(if identifier.is_text { slice::from_ref(byte) } else { digits });
        }
        Some(())
    }

    fn of_udev(&self, own: &Fd, buffer: &mut [u8], text: &mut Writer<'_>) -> Option<()> {
        let number = name(attribute(own, c"dev", buffer)?);
        let file = open_at(self.udev.as_ref()?, &[b"b", number], OpenFlags::READ).ok()?;
        let length = read_whole(&file, buffer).ok()?;
        let serial = line(buffer.get(..length)?, b"E:ID_SERIAL=")?;
        if serial.is_empty() || serial.len() > text.free() {
            return None;
        }
        text.raw(serial);
        Some(())
    }

    /// `path` goes through the USB device, one of its interfaces (`1-1:1.0`), the host of SCSI, a target and the unit.
    fn of_usb(&self, path: &[u8], vendor: &[u8], model: &[u8], buffer: &mut [u8], text: &mut Writer<'_>) -> Option<()> {
        let mut components = Components::of(path);
        components.find(b"host")?;
        let (interface, _) = split_path(components.before());
        let (device, _) = split_path(interface);
        let device = open_at(&self.sysfs, &[device], OpenFlags::READ).ok()?;
        let [_, target, unit] = target(path)?;
        write_joined(vendor, model, text);
        if let Some(own) = attribute(&device, c"serial", buffer)
            && own.iter().all(|byte| matches!(byte, b'\n' | b' '..=b'+' | b'-'..=0x7F))
        {
            text.raw(b"_");
            Clean::new(text).push(own);
        }
        text.raw(b"-");
        text.unsigned(target);
        text.raw(b":");
        text.unsigned(unit);
        Some(())
    }
}

/// Writes an attribute, with `_` between it and what is there already.
#[inline(never)] // used for each part
fn join(disk: &Fd, name: &CStr, buffer: &mut [u8], text: &mut Writer<'_>) {
    if let Some(value) = attribute(disk, name, buffer) {
        if !text.is_empty() {
            text.raw(b"_");
        }
        Clean::new(text).push(value);
    }
}

/// The name of a vendor or model as the disk gave it, with its blanks.
fn name(attribute: &[u8]) -> &[u8] {
    attribute.strip_suffix(b"\n").unwrap_or(attribute)
}

/// Writes two texts with `_` between them.
fn write_joined(first: &[u8], second: &[u8], text: &mut Writer<'_>) {
    Clean::new(text).push(first);
    text.raw(b"_");
    Clean::new(text).push(second);
}

/// Writes the parts of a text, up to a NUL in it, as udev does: without blanks at its ends, with `_` for each run of them and
/// for other characters that have no place in the name of a file.
struct Clean<'t, 'o> {
    text: &'t mut Writer<'o>,
    has_begun: bool,
    /// Blanks were passed over that are to be written if anything follows them.
    has_blanks: bool,
    has_ended: bool,
}

impl<'t, 'o> Clean<'t, 'o> {
    fn new(text: &'t mut Writer<'o>) -> Self {
        Clean { text, has_begun: false, has_blanks: false, has_ended: false }
    }

    fn push(&mut self, part: &[u8]) {
        for &byte in part {
            self.has_ended |= byte == 0;
            if self.has_ended {
                return;
            }
            if byte.is_ascii_whitespace() {
                self.has_blanks = self.has_begun;
                continue;
            }
            if core::mem::take(&mut self.has_blanks) {
                self.text.raw(b"_");
            }
            self.has_begun = true;
            let is_plain = byte.is_ascii_alphanumeric()
                || matches!(byte, b'#' | b'+' | b'-' | b'.' | b':' | b'=' | b'@' | b'_')
                || !byte.is_ascii();
            self.text.raw(&[if is_plain { byte } else { b'_' }]);
        }
    }
}

/// An identifier of page 83h: behind its head of four bytes, in which are how it is written, what it identifies, what type
/// it has and how long it is; or the serial number of page 80h.
#[derive(Clone, Copy)]
struct Identifier<'p> {
    is_text: bool,
    /// The digit of its type, with which udev begins, or [`OF_UNIT`].
    kind: u8,
    value: &'p [u8],
}

const OF_VENDOR: u8 = b'0';
const OF_T10_VENDOR: u8 = b'1';
const EUI_64: u8 = b'2';
const NAA: u8 = b'3';
/// Page 80h.
const OF_UNIT: u8 = b'S';

/// The identifiers of page 83h that are those of the unit itself, and not of a port or of what the unit is part of.
struct Identifiers<'p>(&'p [u8]);

impl<'p> Identifiers<'p> {
    fn of(page: &'p [u8]) -> Option<Self> {
        let (content, length) = content(page, 0x83)?;
        Some(Identifiers(content.get(..length).unwrap_or(content)))
    }

    #[inline(never)] // used twice
    fn next(&mut self) -> Option<Identifier<'p>> {
        loop {
            let [code_set, kind, _, length, after @ ..] = self.0 else { return None };
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            self.0 = after;
            if kind & 0x30 == 0 {
                return Some(Identifier { is_text: code_set & 0xF != 1, kind: b'0' | kind & 0xF, value });
            }
        }
    }
}

/// What follows the head of a page, which has four bytes with its number and length, and that length.
fn content(page: &[u8], number: u8) -> Option<(&[u8], usize)> {
    let [_, own, high, low, rest @ ..] = page else { return None };
    if *own == number { Some((rest, u16::from_be_bytes([*high, *low]).into())) } else { None }
}

/// How good an identifier is, the least the best.
fn rank(identifier: Identifier<'_>) -> u8 {
    let rank = match (identifier.kind, identifier.value.first().map(|first| first >> 4)) {
        (_, None) => NOT_USED,
        (NAA, Some(6)) => 0,
        (NAA, Some(5)) => 2,
        (NAA, _) => 4,
        (EUI_64, _) => 6,
        (OF_T10_VENDOR, _) => 8,
        (OF_VENDOR, _) => 10,
        _ => NOT_USED,
    };
    rank | u8::from(identifier.is_text)
}

/// The rank of those that are not used.
const NOT_USED: u8 = 12;

/// The best identifier of page 83h.
fn best(page: &[u8]) -> Option<Identifier<'_>> {
    let mut identifiers = Identifiers::of(page)?;
    let mut least = NOT_USED;
    let mut best = None;
    while let Some(identifier) = identifiers.next() {
        let rank = rank(identifier);
        if rank < least {
            least = rank;
            best = Some(identifier);
        }
    }
    best
}

/// libata makes an identifier of type T10 of `ATA     `, the model (40 bytes) and the serial number (20 bytes).
fn of_ata(page: &[u8], text: &mut Writer<'_>) -> Option<()> {
    let mut identifiers = Identifiers::of(page)?;
    loop {
        let Identifier { kind, value, .. } = identifiers.next()?;
        if kind == OF_T10_VENDOR
            && let Some(own) = value.strip_prefix(b"ATA     ")
        {
            write_joined(own.get(..40)?, own.get(40..60)?, text);
            return Some(());
        }
    }
}

/// Page 80h: the serial number.
fn of_unit(page: &[u8]) -> Option<Identifier<'_>> {
    let (content, length) = content(page, 0x80)?;
    let value = content.get(..length).filter(|own| !own.trim_ascii().is_empty())?;
    Some(Identifier { is_text: true, kind: OF_UNIT, value })
}

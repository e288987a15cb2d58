//! `guest-get-load`: how busy the guest was.
//!
//! Schema 10.0, since 10.0.
//! Arguments: none.
//! Returns: `load1m`, `load5m`, `load15m`: how many tasks ran or waited to run, on average over that many minutes.
//! Errors: `cannot query load average`, with the reason.
//! Differs from qemu-ga in nothing but the number of digits: what the kernel counts in 65536ths is told as it is, in up to
//! 16 decimals, where qemu-ga rounds to 17 digits in all.
//! Needs [`Load`]; does not run while frozen; needs no memory.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::Load;
use crate::json::write::Writer;

/// `guest-get-load`.
#[derive(Debug)]
pub struct GetLoad;

/// A number of 65536ths as a decimal fraction, which is never longer than 16 decimals.
fn write_65536ths(value: u64, writer: &mut Writer<'_>) {
    writer.unsigned(value >> 16);
    let mut rest = value & 0xFFFF;
    if rest > 0 {
        writer.raw(b".");
    }
    while rest > 0 {
        let digits = rest.wrapping_mul(10);
        writer.unsigned(digits >> 16);
        rest = digits & 0xFFFF;
    }
}

impl<G: Load + 'static> Handler<G> for GetLoad {
    const NAME: &'static str = "guest-get-load";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        match context.guest.load_averages() {
            Ok([one, five, fifteen]) => Ok(reply.object(|object| {
                write_65536ths(fifteen, object.member("load15m"));
                write_65536ths(five, object.member("load5m"));
                write_65536ths(one, object.member("load1m"));
            })),
            Err(errno) => Err(error!["cannot query load average: ", errno]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: u64) -> String {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer, 0);
        write_65536ths(value, &mut writer);
        let length = writer.len();
        str::from_utf8(&buffer[..length]).unwrap().into()
    }

    #[test]
    fn fractions_are_exact() {
        for (value, expected) in [
            (0, "0"),
            (1, "0.0000152587890625"),
            (65536, "1"),
            (98304, "1.5"),
            (23712, "0.36181640625"),
            (0x7FFF_FFFF_FFFF, "2147483647.9999847412109375"),
            (u64::MAX, "281474976710655.9999847412109375"),
        ] {
            assert_eq!(text(value), expected);
        }
        for value in 0_u32..200_000 {
            assert_eq!(text(value.into()).parse(), Ok(f64::from(value) / 65536.0));
        }
    }
}

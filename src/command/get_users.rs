//! `guest-get-users`: who is logged in.
//!
//! Schema 10.0, since 2.10.
//! Arguments: none.
//! Returns: a list of `user`, a name, and `login-time`, seconds since 1970-01-01 00:00:00 UTC, with a fraction of
//! microseconds where there is one: the time of the user's first login that still lasts. One entry a user. (`domain` of the
//! schema is for Windows.)
//! Errors: `cannot read who is logged in`, with the reason.
//! Differs from qemu-ga in what can not be read, which there is an empty list (differences.md: users-unreadable), in a guest
//! without utmp (differences.md: users-without-utmp), and in names as long as utmp has room for (differences.md:
//! users-long-name).
//! Needs [`Logins`]; does not run while frozen; any number of users needs no more memory than one. Who logs
//! in or out while a list is written may be missing in it, or be there.

use super::listing::{Listed, Piece};
use crate::error;
use crate::error::Error;
use crate::guest::{ListPlace, Login, Logins};
use crate::json::write::{Writer, decimal};

/// `guest-get-users`.
#[derive(Debug)]
pub struct GetUsers;

impl<G: Logins + 'static> Listed<G> for GetUsers {
    const NAME: &'static str = "guest-get-users";
    const IS_LONG: bool = true;

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut place = from;
        loop {
            match guest.next_login(&mut place, buffer) {
                Ok(Some(login)) if piece.item(place, &mut |writer| write_login(login, writer)) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(error!["cannot read who is logged in: ", errno]),
            }
        }
    }
}

fn write_login(login: Login<'_>, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("user").text(login.user);
        write_seconds(login.time_us, object.member("login-time"));
    });
}

/// Microseconds as seconds with a decimal fraction.
fn write_seconds(time_us: i64, writer: &mut Writer<'_>) {
    const MICROSECONDS: u64 = 1_000_000;
    if time_us < 0 {
        writer.raw(b"-");
    }
    let magnitude = time_us.unsigned_abs();
    writer.unsigned(magnitude / MICROSECONDS);
    let fraction = magnitude % MICROSECONDS;
    if fraction > 0 {
        // A leading 1 keeps the zeros behind it; those at the end say nothing.
        let mut digits = [0; 20];
        let mut text = decimal(MICROSECONDS.saturating_add(fraction), &mut digits).get(1..).unwrap_or_default();
        while let Some(shorter) = text.strip_suffix(b"0") {
            text = shorter;
        }
        writer.raw(b".");
        writer.raw(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_as_short_as_they_can_be() {
        for (time_us, text) in [
            (0, "0"),
            (1, "0.000001"),
            (999_999, "0.999999"),
            (1_000_000, "1"),
            (1_600_000_000_500_000, "1600000000.5"),
            (1_600_000_000_000_010, "1600000000.00001"),
            (1_600_000_000_100_100, "1600000000.1001"),
            (-1, "-0.000001"),
            (-1_500_000, "-1.5"),
            (i64::MAX, "9223372036854.775807"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            let mut buffer = [0; 32];
            let mut writer = Writer::new(&mut buffer, 0);
            write_seconds(time_us, &mut writer);
            let length = writer.len();
            assert_eq!(str::from_utf8(&buffer[..length]), Ok(text));
        }
    }
}

//! Password hashes of the form `$6$SALT$HASH`, which every crypt(3) of Linux understands: SHA-512 of password and salt, five
//! thousand times over.
//!
//! After the specification by Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", version 0.6. What this works with is on
//! the stack, a KiB of it, and overwritten with it by the agent.

/// How many times over; what crypt(3) takes where the hash does not say.
const ROUNDS: u32 = 5000;
/// The longest salt, in characters.
pub const SALT_BYTES: usize = 16;
/// What the text is without its salt and its hash, which are 16 and 86 characters long.
const TEMPLATE: &[u8; TEXT_BYTES] =
    b"$6$................$......................................................................................";
/// The length of the text.
pub const TEXT_BYTES: usize = 106;
/// Where in the text the salt begins, and where the hash.
const SALT: usize = 3;
const HASH: usize = SALT + SALT_BYTES + 1;

const DIGEST_BYTES: usize = 64;
const BLOCK_BYTES: usize = 128;

/// The digits of crypt(3), which stand for six bits each.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const START: [u64; 8] = [
    0x6A09_E667_F3BC_C908,
    0xBB67_AE85_84CA_A73B,
    0x3C6E_F372_FE94_F82B,
    0xA54F_F53A_5F1D_36F1,
    0x510E_527F_ADE6_82D1,
    0x9B05_688C_2B3E_6C1F,
    0x1F83_D9AB_FB41_BD6B,
    0x5BE0_CD19_137E_2179,
];

/// SHA-512 of what comes in pieces.
struct Hasher {
    state: [u64; 8],
    block: [u8; BLOCK_BYTES],
    filled: usize,
    length: u64,
}

impl Hasher {
    fn new() -> Self {
        Hasher { state: START, block: [0; BLOCK_BYTES], filled: 0, length: 0 }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.block.get_mut(self.filled) {
            *slot = byte;
        }
        self.filled = self.filled.wrapping_add(1);
        if self.filled >= BLOCK_BYTES {
            sha2::block_api::compress512(&mut self.state, core::slice::from_ref(&self.block));
            self.filled = 0;
        }
    }

    /// Never inlined: there are a dozen callers.
    #[inline(never)]
    fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
        self.length = self.length.wrapping_add(u64::try_from(bytes.len()).unwrap_or(0));
    }

    /// Some text over and over, up to a length.
    fn put_cyclic(&mut self, &(text, mut length): &Cyclic<'_>) {
        while length > 0 {
            let piece = text.get(..length).unwrap_or(text);
            self.put(piece);
            length = length.wrapping_sub(piece.len());
        }
    }

    /// The digest; the hasher is then as new.
    fn finish(&mut self) -> Digest {
        let bits = self.length.wrapping_mul(8).to_be_bytes();
        self.byte(0x80);
        // The length stands in the last sixteen bytes of a block, and half of them are more than enough for it.
        while self.filled != BLOCK_BYTES - 16 {
            self.byte(0);
        }
        self.put(&[0; 8]);
        self.put(&bits);
        let mut digest = [0; DIGEST_BYTES];
        let (words, _) = digest.as_chunks_mut();
        for (to, word) in words.iter_mut().zip(&self.state) {
            *to = word.to_be_bytes();
        }
        self.state = START;
        self.length = 0;
        digest
    }
}

/// A text that is taken over and over, and up to which length.
type Cyclic<'t> = (&'t [u8], usize);

type Digest = [u8; DIGEST_BYTES];

/// The text to be kept for a password; each byte of `random` becomes a character of the salt.
#[inline(never)] // its room is not that of its caller
pub fn hash<'t>(password: &[u8], random: &[u8; SALT_BYTES], text: &'t mut [u8; TEXT_BYTES]) -> &'t [u8] {
    *text = *TEMPLATE;
    let (head, encoded) = text.split_at_mut_checked(HASH).unwrap_or_default();
    let salt = head.get_mut(SALT..SALT + SALT_BYTES).unwrap_or_default();
    for (to, &byte) in salt.iter_mut().zip(random) {
        *to = digit(byte.into());
    }
    encode(&digest(password, salt, ROUNDS), encoded);
    text
}

#[inline(never)] // smaller in a frame of its own
fn digest(password: &[u8], salt: &[u8], rounds: u32) -> Digest {
    let mut hasher = Hasher::new();
    hasher.put(password);
    hasher.put(salt);
    hasher.put(password);
    let alternate = hasher.finish();
    hasher.put(password);
    hasher.put(salt);
    hasher.put_cyclic(&(&alternate, password.len()));
    let mut left = password.len();
    while left > 0 {
        hasher.put(if left & 1 == 1 { &alternate } else { password });
        left >>= 1;
    }
    let mut digest = hasher.finish();
    for _ in 0..password.len() {
        hasher.put(password);
    }
    let of_password = hasher.finish();
    for _ in 0..digest.first().map_or(0, |&first| usize::from(first)).wrapping_add(16) {
        hasher.put(salt);
    }
    let of_salt = hasher.finish();
    let password = &(&of_password[..], password.len());
    let salt = &(&of_salt[..], salt.len());
    for round in 0..rounds {
        // The digest so far and the password stand at either end, by turns.
        let so_far = &(&digest[..], DIGEST_BYTES);
        let (first, last) = if round & 1 == 1 { (password, so_far) } else { (so_far, password) };
        hasher.put_cyclic(first);
        if !round.is_multiple_of(3) {
            hasher.put_cyclic(salt);
        }
        if !round.is_multiple_of(7) {
            hasher.put_cyclic(password);
        }
        hasher.put_cyclic(last);
        digest = hasher.finish();
    }
    digest
}

/// The character for the lowest six bits.
fn digit(bits: u32) -> u8 {
    let index = usize::try_from(bits & 63).unwrap_or(0);
    DIGITS.get(index).copied().unwrap_or(b'.')
}

/// Four characters for three bytes each, low bits first; which three, goes around in the order of the specification. The last
/// byte stands alone.
fn encode(digest: &Digest, text: &mut [u8]) {
    const LAST: u8 = 63;
    let byte = |index: u8| digest.get(usize::from(index)).map_or(0, |&byte| u32::from(byte));
    let (mut high, mut middle, mut low) = (0_u8, 21_u8, 42_u8);
    let mut bits = 0;
    for (place, slot) in text.iter_mut().enumerate() {
        if place % 4 == 0 {
            bits = if low == LAST { 0 } else { byte(high) << 16 | byte(middle) << 8 } | byte(low);
            (high, middle, low) = (middle.wrapping_add(1), low.wrapping_add(1), high.wrapping_add(1));
        }
        *slot = digit(bits);
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of the specification: the salt as it is used, the rounds, the password, the hash.
    const VECTORS: [(&str, u32, &str, &str); 7] = [
        (
            "saltstring",
            5000,
            "Hello world!",
            "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "saltstringsaltst",
            10000,
            "Hello world!",
            "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
        (
            "toolongsaltstrin",
            5000,
            "This is just a test",
            "lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
        ),
        (
            "anotherlongsalts",
            1400,
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            "POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
        ),
        (
            "short",
            77777,
            "we have a short salt string but not a short password",
            "WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
        ),
        (
            "asaltof16chars..",
            123_456,
            "a short string",
            "BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1",
        ),
        (
            "roundstoolow",
            1000,
            "the minimum number is still observed",
            "kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
        ),
    ];

    fn encoded(password: &[u8], salt: &str, rounds: u32) -> String {
        let mut text = vec![0; TEXT_BYTES - HASH];
        encode(&digest(password, salt.as_bytes(), rounds), &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_vectors_of_the_specification() {
        for (salt, rounds, password, hash) in VECTORS {
            assert_eq!(encoded(password.as_bytes(), salt, rounds), hash, "{password}");
        }
    }

    #[test]
    fn a_text_has_its_salt_in_it() {
        let mut text = [0; TEXT_BYTES];
        let random: [u8; SALT_BYTES] = core::array::from_fn(|index| u8::try_from(index * 17).unwrap());
        let text = String::from_utf8(hash(b"secret", &random, &mut text).to_vec()).unwrap();
        let salt = ".FWn2Jar6NevARiz";
        assert_eq!(text, format!("$6${salt}${}", encoded(b"secret", salt, 5000)));
    }
}

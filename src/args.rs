//! Arguments: one declaration per command gives both the check and the typed struct.
//!
//! The request machine holds `arguments` in canonical form: well-formed JSON, double quotes, no blanks, every escape
//! resolved but `\"` and `\\`. So what is left to tell a client is which member is missing, unexpected or of the wrong
//! type, in the order of the declaration, and with QEMU's words; serde-json-core, which could not say which, then only
//! sees single values of the right kind.

use core::ffi::CStr;

use serde_json_core::str::{EscapedStr, EscapedStringFragment};

use crate::error;
use crate::error::Error;

/// The name of an argument as error messages give it: `handle`, `arg[0]`, `vcpus[1].online`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The member of `arguments`.
    pub name: &'static str,
    /// Which element of the list it is.
    pub index: Option<u32>,
    /// Which member of that element.
    pub member: Option<&'static str>,
}

impl Path {
    /// A member of `arguments`, or of the list element that this path names.
    pub const fn member(self, name: &'static str) -> Path {
        if self.name.is_empty() { Path { name, ..self } } else { Path { member: Some(name), ..self } }
    }

    /// The last component, which is all that some messages give.
    pub const fn last(self) -> Path {
        match self.member {
            Some(name) => Path { name, index: None, member: None },
            None => self,
        }
    }

    /// Gives the text of the path in pieces.
    pub fn pieces(self, mut piece: impl FnMut(&[u8])) {
        piece(self.name.as_bytes());
        if let Some(index) = self.index {
            piece(b"[");
            piece(crate::json::write::decimal(u64::from(index), &mut [0; 20]));
            piece(b"]");
        }
        if let Some(member) = self.member {
            piece(b".");
            piece(member.as_bytes());
        }
    }
}

/// A string argument, still in the request buffer. It is not a `&str`, because quotes and backslashes in it are escaped
/// there; it compares, iterates and copies as the real bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text<'a>(EscapedStr<'a>);

impl<'a> Text<'a> {
    /// A text as it stands between the quotes of canonical JSON.
    pub const fn from_escaped(escaped: &'a str) -> Self {
        Text(EscapedStr(escaped))
    }

    /// The text in pieces.
    pub fn runs(self) -> Runs<'a> {
        Runs { rest: self.0.0 }
    }

    /// The text byte by byte.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        self.runs().flatten().copied()
    }

    /// The text in one piece, if it holds neither quotes nor backslashes.
    pub fn as_plain(self) -> Option<&'a [u8]> {
        let bytes = self.0.0.as_bytes();
        if bytes.contains(&b'\\') { None } else { Some(bytes) }
    }

    /// Copies the text into `buffer`. `None` if it does not fit.
    pub fn copy_to(self, buffer: &mut [u8]) -> Option<&mut [u8]> {
        let mut length = 0_usize;
        for run in self.runs() {
            buffer.get_mut(length..)?.get_mut(..run.len())?.copy_from_slice(run);
            length = length.saturating_add(run.len());
        }
        buffer.get_mut(..length)
    }
}

/// A text that is no C string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCString {
    /// It holds a NUL.
    Nul,
    /// It does not fit into the buffer.
    TooLong,
}

impl<'a> Text<'a> {
    /// Copies the text into `buffer`, with a NUL behind it.
    ///
    /// # Errors
    /// It holds a NUL of its own, or does not fit.
    pub fn c_string(self, buffer: &mut [u8]) -> Result<&CStr, NoCString> {
        let (last, room) = buffer.split_last_mut().ok_or(NoCString::TooLong)?;
        *last = 0;
        let length = self.copy_to(room).ok_or(NoCString::TooLong)?.len();
        *buffer.get_mut(length).ok_or(NoCString::TooLong)? = 0;
        CStr::from_bytes_with_nul(buffer.get(..=length).unwrap_or_default()).map_err(|_| NoCString::Nul)
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

/// The pieces of a [`Text`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Runs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut fragments = EscapedStr(self.rest).fragments();
        // An error would repeat for ever; canonical text has none.
        let fragment = fragments.next()?.ok()?;
        let rest = fragments.as_str().0;
        let run = match fragment {
            EscapedStringFragment::NotEscaped(run) => run,
            // Only `\"` and `\\` are left escaped, so the character is the second byte of what was taken.
            EscapedStringFragment::Escaped(_) => self.rest.get(1..self.rest.len().saturating_sub(rest.len()))?,
        };
        self.rest = rest;
        Some(run.as_bytes())
    }
}

/// The length of the JSON value at the start of canonical `json`.
fn value_length(json: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0_usize;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = at.saturating_add(text_length(json.get(at..).unwrap_or_default())).saturating_sub(1),
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
        at = at.saturating_add(1);
    }
    at
}

/// The length of the JSON string at the start of canonical `json`, quotes included.
fn text_length(json: &[u8]) -> usize {
    let mut escaped = false;
    for (at, &byte) in json.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
    }
    json.len()
}

/// The members of an object in canonical form. An object that is not complete yet can be read as far as it goes.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// The members of `object`, which starts with `{`.
    pub fn of(object: &'a [u8]) -> Self {
        Members { rest: object }
    }

    /// The value of the member `name`, as canonical JSON.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        let mut members = self;
        members.find(|(key, _)| key.eq(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Text<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Each member stands behind the opening brace or a comma.
        let member = self.rest.get(1..).filter(|member| member.first() == Some(&b'"'))?;
        let (key, rest) = member.split_at_checked(text_length(member))?;
        let value = rest.get(1..)?;
        let (value, rest) = value.split_at_checked(value_length(value))?;
        self.rest = rest;
        let key = key.get(1..key.len().saturating_sub(1))?;
        Some((Text::from_escaped(core::str::from_utf8(key).ok()?), value))
    }
}

/// A type that an argument can have.
pub trait Value<'a>: Sized {
    /// Reads the value, which is canonical JSON; `path` names it in the error.
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>>;

    /// The value when the member is absent. An error unless the type is optional.
    fn absent(path: Path) -> Result<Self, Error<'a>> {
        Err(error!["Parameter '", path, "' is missing"])
    }
}

/// The error for a value of the wrong type.
pub fn wrong_type<'a>(path: Path, expected: &'static str) -> Error<'a> {
    error!["Invalid parameter type for '", path, "', expected: ", expected]
}

/// The error for a word that an enumeration does not have.
pub fn not_accepted<'a>(path: Path, value: Text<'a>) -> Error<'a> {
    error!["Parameter '", path.last(), "' does not accept value '", value, "'"]
}

impl<'a> Value<'a> for i64 {
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        // A fraction or an exponent is left over, and refused, whatever its value.
        serde_json_core::from_slice(json).map(|(value, _)| value).map_err(|_| wrong_type(path, "integer"))
    }
}

impl<'a> Value<'a> for u64 {
    /// A negative number is taken as its two's complement, as QEMU does.
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        serde_json_core::from_slice::<u64>(json)
            .or_else(|_| serde_json_core::from_slice::<i64>(json).map(|(value, used)| (value.cast_unsigned(), used)))
            .map(|(value, _)| value)
            .map_err(|_| error!["Parameter '", path, "' expects uint64"])
    }
}

impl<'a> Value<'a> for bool {
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        serde_json_core::from_slice(json).map(|(value, _)| value).map_err(|_| wrong_type(path, "boolean"))
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        serde_json_core::from_slice(json).map(|(escaped, _)| Text(escaped)).map_err(|_| wrong_type(path, "string"))
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        T::decode(json, path).map(Some)
    }

    fn absent(_: Path) -> Result<Self, Error<'a>> {
        Ok(None)
    }
}

/// The arguments of a command, made by [`arguments!`](crate::arguments).
pub trait Arguments<'a>: Sized {
    /// Reads `members` in the order of the declaration and refuses what is not in it.
    fn decode(members: Members<'a>, path: Path) -> Result<Self, Error<'a>>;
}

/// No arguments.
#[derive(Clone, Copy, Debug)]
pub struct NoArguments;

impl<'a> Arguments<'a> for NoArguments {
    fn decode(members: Members<'a>, _: Path) -> Result<Self, Error<'a>> {
        only(members, &[]).map(|()| NoArguments)
    }
}

/// Refuses members that are not declared.
pub fn only<'a>(members: Members<'a>, names: &[&str]) -> Result<(), Error<'a>> {
    for (name, _) in members {
        if !names.iter().any(|&known| name.eq(known)) {
            return Err(error!["Parameter '", name, "' is unexpected"]);
        }
    }
    Ok(())
}

/// Declares the arguments of a command: a struct whose fields are decoded, in order, from the members named before
/// them. An `Option` may be absent.
#[macro_export]
macro_rules! arguments {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $( $(#[$field_meta:meta])* $wire:literal => $field:ident : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $name $(<$life>)? {
            $( $(#[$field_meta])* pub $field: $type, )+
        }

        $crate::arguments!(@decode $name ($($life)?) $($wire => $field),+);
    };
    (@decode $name:ident () $($wire:literal => $field:ident),+) => {
        impl<'a> $crate::args::Arguments<'a> for $name {
            $crate::arguments!(@body 'a $($wire => $field),+);
        }
    };
    (@decode $name:ident ($life:lifetime) $($wire:literal => $field:ident),+) => {
        impl<$life> $crate::args::Arguments<$life> for $name<$life> {
            $crate::arguments!(@body $life $($wire => $field),+);
        }
    };
    (@body $life:lifetime $($wire:literal => $field:ident),+) => {
        fn decode(
            members: $crate::args::Members<$life>,
            path: $crate::args::Path,
        ) -> Result<Self, $crate::error::Error<$life>> {
            $(
                let $field = match members.get($wire) {
                    Some(json) => $crate::args::Value::decode(json, path.member($wire))?,
                    None => $crate::args::Value::absent(path.member($wire))?,
                };
            )+
            $crate::args::only(members, &[$($wire),+])?;
            Ok(Self { $($field),+ })
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Writer;

    arguments! {
        /// One argument of each type.
        #[allow(dead_code)] // only the decoding is of interest
        pub struct Sample<'a> {
            /// A text.
            "path" => path: Text<'a>,
            /// An integer.
            "count" => count: Option<i64>,
            /// An unsigned integer.
            "index" => index: Option<u64>,
            /// A boolean.
            "flag" => flag: Option<bool>,
        }
    }

    fn refusal(json: &str) -> String {
        let error = Sample::decode(Members::of(json.as_bytes()), Path::default()).expect_err(json);
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, 0);
        error.write(512, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn members_are_found_behind_values_of_any_kind() {
        let json = br#"{"a":{"path":[1,"}"]},"b":"x\",\"path\":1","path":"p\\\"q","count":-5,"flag":true,"index":-1}"#;
        let members = Members::of(json);
        assert_eq!(members.count(), 6);
        let path = Text::decode(members.get("path").unwrap(), Path::default()).unwrap();
        assert!(path.eq("p\\\"q"));
        let mut buffer = [0; 4];
        assert_eq!(path.copy_to(&mut buffer).as_deref(), Some(&b"p\\\"q"[..]));
        assert_eq!(path.copy_to(&mut [0; 3]), None);
        assert_eq!(i64::decode(members.get("count").unwrap(), Path::default()).ok(), Some(-5));
        assert_eq!(u64::decode(members.get("index").unwrap(), Path::default()).ok(), Some(u64::MAX));
        assert!(members.get("q").is_none());
    }

    #[test]
    fn an_object_that_is_not_complete_reads_as_far_as_it_goes() {
        let whole = br#"{"handle":1000,"buf-b64":"QUJD"#;
        let members = Members::of(whole);
        assert_eq!(members.get("handle"), Some(&b"1000"[..]));
        for end in 0..whole.len() {
            assert!(Members::of(&whole[..end]).count() <= 2);
        }
    }

    #[test]
    fn the_first_declared_member_that_fails_is_told() {
        for (json, text) in [
            ("{}", "Parameter 'path' is missing"),
            (r#"{"x":1}"#, "Parameter 'path' is missing"),
            (r#"{"x":1,"path":""}"#, "Parameter 'x' is unexpected"),
            (r#"{"path":1}"#, "Invalid parameter type for 'path', expected: string"),
            (r#"{"count":"","path":null}"#, "Invalid parameter type for 'path', expected: string"),
            (r#"{"path":"","count":1.0}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":1e3}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":null}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":9223372036854775808}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","index":18446744073709551616}"#, "Parameter 'index' expects uint64"),
            (r#"{"path":"","flag":1}"#, "Invalid parameter type for 'flag', expected: boolean"),
        ] {
            assert_eq!(refusal(json), text, "{json}");
        }
    }

    #[test]
    fn the_least_and_the_greatest_integer_are_taken() {
        for value in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(i64::decode(value.to_string().as_bytes(), Path::default()).ok(), Some(value));
        }
        assert_eq!(i64::decode(b"-0", Path::default()).ok(), Some(0));
        assert_eq!(u64::decode(u64::MAX.to_string().as_bytes(), Path::default()).ok(), Some(u64::MAX));
    }
}

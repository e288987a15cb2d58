//! Arguments: one declaration per command gives both the check and the typed struct.
//!
//! The request machine holds `arguments` in canonical form: well-formed JSON, double quotes, no blanks, every escape
//! resolved but `\"` and `\\`. So what is left to tell a client is which member is missing, unexpected or of the wrong
//! type, in the order of the declaration, and with QEMU's words; serde-json-core, which could not say which, then only
//! sees single values of the right kind.

use core::ffi::CStr;
use core::fmt;
use core::marker::PhantomData;

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
    fn from_members(members: Members<'a>, path: Path) -> Result<Self, Error<'a>>;
}

/// No arguments.
#[derive(Clone, Copy, Debug)]
pub struct NoArguments;

impl<'a> Arguments<'a> for NoArguments {
    fn from_members(members: Members<'a>, _: Path) -> Result<Self, Error<'a>> {
        only(members, Path::default(), &[]).map(|()| NoArguments)
    }
}

/// Refuses members that are not declared; `path` names the list element that they are members of.
pub fn only<'a>(members: Members<'a>, path: Path, names: &[&str]) -> Result<(), Error<'a>> {
    for (name, _) in members {
        if !names.iter().any(|&known| name.eq(known)) {
            let dot = if path.name.is_empty() { "" } else { "." };
            return Err(error!["Parameter '", path, dot, name, "' is unexpected"]);
        }
    }
    Ok(())
}

/// The members of the object `json`, for a value that must be one.
///
/// # Errors
/// It is something else.
pub fn object<'a>(json: &'a [u8], path: Path) -> Result<Members<'a>, Error<'a>> {
    if json.first() == Some(&b'{') { Ok(Members::of(json)) } else { Err(wrong_type(path, "object")) }
}

/// A list argument, still in the request buffer: a view that decodes its elements when they are asked for, so that a
/// list of any length needs no memory of its own. Made only after all elements were checked.
pub struct List<'a, T> {
    json: &'a [u8],
    element: PhantomData<fn() -> T>,
}

// Not derived, because T need not be any of this.
impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> fmt::Debug for List<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("List").finish_non_exhaustive()
    }
}

impl<'a, T: Value<'a>> List<'a, T> {
    /// The elements, from the first on.
    pub fn elements(self) -> Elements<'a, T> {
        Elements { rest: self.json, element: PhantomData }
    }
}

impl<'a, T: Value<'a>> Value<'a> for List<'a, T> {
    fn decode(json: &'a [u8], path: Path) -> Result<Self, Error<'a>> {
        if json.first() != Some(&b'[') {
            return Err(wrong_type(path, "array"));
        }
        let list = List { json, element: PhantomData };
        let mut elements = list.elements();
        let mut index = 0_u32;
        while let Some(element) = elements.next_json() {
            T::decode(element, Path { index: Some(index), ..path })?;
            index = index.saturating_add(1);
        }
        Ok(list)
    }
}

/// The elements of a [`List`], one after the other.
pub struct Elements<'a, T> {
    rest: &'a [u8],
    element: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Elements<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Elements").finish_non_exhaustive()
    }
}

impl<'a, T> Elements<'a, T> {
    /// Where in `arguments`, which they are part of, the elements still to come begin: a number to keep in a
    /// [`Cursor`](crate::command::Cursor).
    pub fn place_in(&self, arguments: &[u8]) -> i64 {
        let offset = self.rest.first().and_then(|first| arguments.element_offset(first));
        offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(i64::MAX)
    }

    /// The elements from a place on that [`Elements::place_in`] gave for the same `arguments`.
    pub fn resume(arguments: &'a [u8], place: i64) -> Self {
        let rest = usize::try_from(place).ok().and_then(|place| arguments.get(place..));
        Elements { rest: rest.unwrap_or_default(), element: PhantomData }
    }

    fn next_json(&mut self) -> Option<&'a [u8]> {
        // Each element stands behind the opening bracket or a comma.
        let rest = self.rest.split_first().filter(|(before, _)| matches!(before, b'[' | b','))?.1;
        let (element, rest) = rest.split_at_checked(value_length(rest)).filter(|(element, _)| !element.is_empty())?;
        self.rest = rest;
        Some(element)
    }
}

impl<'a, T: Value<'a>> Iterator for Elements<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        // They were all decoded once, so this does not fail.
        T::decode(self.next_json()?, Path::default()).ok()
    }
}

/// Declares the arguments of a command, or the elements of a [`List`](crate::args::List) among them: a struct whose
/// fields are decoded, in order, from the members named before them. An `Option` may be absent.
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

        impl<'a> $crate::args::Value<'a> for $name {
            $crate::arguments!(@element 'a);
        }
    };
    (@decode $name:ident ($life:lifetime) $($wire:literal => $field:ident),+) => {
        impl<$life> $crate::args::Arguments<$life> for $name<$life> {
            $crate::arguments!(@body $life $($wire => $field),+);
        }

        impl<$life> $crate::args::Value<$life> for $name<$life> {
            $crate::arguments!(@element $life);
        }
    };
    (@element $life:lifetime) => {
        fn decode(json: &$life [u8], path: $crate::args::Path) -> Result<Self, $crate::error::Error<$life>> {
            $crate::args::Arguments::from_members($crate::args::object(json, path)?, path)
        }
    };
    (@body $life:lifetime $($wire:literal => $field:ident),+) => {
        fn from_members(
            members: $crate::args::Members<$life>,
            path: $crate::args::Path,
        ) -> Result<Self, $crate::error::Error<$life>> {
            $(
                let $field = match members.get($wire) {
                    Some(json) => $crate::args::Value::decode(json, path.member($wire))?,
                    None => $crate::args::Value::absent(path.member($wire))?,
                };
            )+
            $crate::args::only(members, path, &[$($wire),+])?;
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
        let error = Sample::from_members(Members::of(json.as_bytes()), Path::default()).expect_err(json);
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

    arguments! {
        /// An element of a list.
        #[derive(PartialEq, Eq)]
        pub struct Element {
            /// A number.
            "phys-index" => index: u64,
            /// A flag.
            "online" => online: bool,
            /// Another one.
            "can-offline" => can_offline: Option<bool>,
        }
    }

    arguments! {
        /// A list.
        pub struct Listed<'a> {
            /// The list.
            "mem-blks" => elements: List<'a, Element>,
            /// Something behind it.
            "more" => more: Option<i64>,
        }
    }

    fn list_refusal(json: &str) -> String {
        let error = Listed::from_members(Members::of(json.as_bytes()), Path::default()).expect_err(json);
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, 0);
        error.write(512, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    const LISTED: &str = concat!(
        r#"{"mem-blks":[{"phys-index":1,"online":true},{"can-offline":false,"online":false,"phys-index":-1},"#,
        r#"{"online":true,"phys-index":18446744073709551615}],"more":7}"#
    );

    #[test]
    fn a_list_gives_its_elements_in_order() {
        let listed = Listed::from_members(Members::of(LISTED.as_bytes()), Path::default()).unwrap();
        let expected = [
            Element { index: 1, online: true, can_offline: None },
            Element { index: u64::MAX, online: false, can_offline: Some(false) },
            Element { index: u64::MAX, online: true, can_offline: None },
        ];
        assert_eq!(listed.elements.elements().collect::<Vec<_>>(), expected);
        assert_eq!(listed.more, Some(7));
        let empty = Listed::from_members(Members::of(br#"{"mem-blks":[],"more":7}"#), Path::default()).unwrap();
        assert_eq!(empty.elements.elements().count(), 0);
    }

    #[test]
    fn a_list_is_taken_up_again_where_it_was_left() {
        let arguments = LISTED.as_bytes();
        let listed = Listed::from_members(Members::of(arguments), Path::default()).unwrap();
        let all: Vec<Element> = listed.elements.elements().collect();
        let mut place = listed.elements.elements().place_in(arguments);
        for expected in all {
            let mut elements = Elements::<Element>::resume(arguments, place);
            assert_eq!(elements.next(), Some(expected));
            place = elements.place_in(arguments);
        }
        assert_eq!(Elements::<Element>::resume(arguments, place).next(), None);
        for place in [-1, 0, i64::MAX] {
            assert_eq!(Elements::<Element>::resume(arguments, place).next(), None);
        }
    }

    #[test]
    fn what_is_wrong_in_a_list_is_told_with_its_place() {
        const GOOD: &str = r#"{"phys-index":1,"online":true}"#;
        for (json, text) in [
            ("{}".into(), "Parameter 'mem-blks' is missing"),
            (r#"{"mem-blks":{}}"#.into(), "Invalid parameter type for 'mem-blks', expected: array"),
            (r#"{"mem-blks":null}"#.into(), "Invalid parameter type for 'mem-blks', expected: array"),
            (r#"{"mem-blks":[1]}"#.into(), "Invalid parameter type for 'mem-blks[0]', expected: object"),
            (r#"{"mem-blks":[null]}"#.into(), "Invalid parameter type for 'mem-blks[0]', expected: object"),
            (format!(r#"{{"mem-blks":[{GOOD},[]]}}"#), "Invalid parameter type for 'mem-blks[1]', expected: object"),
            (r#"{"mem-blks":[{"x":1}],"y":1}"#.into(), "Parameter 'mem-blks[0].phys-index' is missing"),
            (format!(r#"{{"mem-blks":[{GOOD},{{"phys-index":2}}]}}"#), "Parameter 'mem-blks[1].online' is missing"),
            (r#"{"mem-blks":[{"phys-index":1.0}]}"#.into(), "Parameter 'mem-blks[0].phys-index' expects uint64"),
            (r#"{"mem-blks":[{"phys-index":"1"}]}"#.into(), "Parameter 'mem-blks[0].phys-index' expects uint64"),
            (
                r#"{"mem-blks":[{"phys-index":1,"online":1}]}"#.into(),
                "Invalid parameter type for 'mem-blks[0].online', expected: boolean",
            ),
            (
                r#"{"mem-blks":[{"phys-index":1,"online":true,"can-offline":null}]}"#.into(),
                "Invalid parameter type for 'mem-blks[0].can-offline', expected: boolean",
            ),
            // What one element has too much is told before what the next one lacks.
            (
                r#"{"mem-blks":[{"phys-index":1,"online":true,"a\"b":[]},{}]}"#.into(),
                r#"Parameter 'mem-blks[0].a\"b' is unexpected"#,
            ),
            (
                format!(r#"{{"y":1,"mem-blks":[{GOOD}],"more":null}}"#),
                "Invalid parameter type for 'more', expected: integer",
            ),
            (format!(r#"{{"y":1,"mem-blks":[{GOOD}]}}"#), "Parameter 'y' is unexpected"),
        ] {
            let json: String = json;
            assert_eq!(list_refusal(&json), text, "{json}");
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

//! List arguments, as they stand in the request buffer.

use core::fmt;
use core::marker::PhantomData;

use super::members::value_length;
use super::{Path, Refused, Value, wrong_type};

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
    fn decode(json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> Option<Self> {
        if json.first() != Some(&b'[') {
            return wrong_type(path, "array", refused);
        }
        let list = List { json, element: PhantomData };
        let mut elements = list.elements();
        let mut index = 0_u32;
        while let Some(element) = elements.next_json() {
            T::decode(element, &Path { index: Some(index), ..*path }, refused)?;
            index = index.saturating_add(1);
        }
        Some(list)
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
        T::decode(self.next_json()?, &Path::default(), &mut None)
    }
}

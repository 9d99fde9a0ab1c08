//! A scalar of an input whose text may be wrong. It is read without an error, so that the mistake is a user error with the path of its
//! field, beside the other mistakes of the input.

use std::borrow::Cow;

use async_graphql::{InputType, InputValueError, InputValueResult, Value, registry::Registry};

use crate::graphql::{
    error::{Refusal, UserError, UserErrorCode},
    scalar::TextScalar,
};

/// The value, or why the text is none.
#[derive(Clone, Debug)]
pub struct Given<T>(Result<T, String>);

impl<T> From<T> for Given<T> {
    fn from(value: T) -> Self {
        Self(Ok(value))
    }
}

impl<T: Clone> Given<T> {
    /// # Errors
    /// INVALID for the field at `path`.
    pub fn check(&self, path: &str) -> Result<T, Refusal> {
        let value = self.0.clone();
        value.map_err(|message| UserError::at(UserErrorCode::Invalid, path, message).into())
    }

    /// The value of an optional field.
    ///
    /// # Errors
    /// INVALID for the field at `path`.
    pub fn optional(field: Option<&Self>, path: &str) -> Result<Option<T>, Refusal> {
        field.map(|given| given.check(path)).transpose()
    }
}

impl<T: TextScalar> InputType for Given<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <T as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        match value {
            Some(Value::String(text)) => Ok(Self(T::of_text(&text))),
            other => <T as InputType>::parse(other)
                .map(Self::from)
                .map_err(InputValueError::propagate),
        }
    }

    fn to_value(&self) -> Value {
        // Only defaults are written, and those are values.
        match &self.0 {
            Ok(value) => InputType::to_value(value),
            Err(_) => Value::Null,
        }
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

//! The two forms of a mutation's arguments: an input object, and the loose arguments that the mutation had before, which are
//! deprecated. The paths of user errors begin with `input` in the first form only.

use async_graphql::Result;

use crate::graphql::error::{Refusal, bad_input};

/// Which form a caller used.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Input,
    Loose,
}

impl Form {
    /// The input, or the one made of the loose arguments: none if a required one of them is missing.
    ///
    /// # Errors
    /// BAD_USER_INPUT without either form, or with both.
    pub(super) fn of<T>(input: Option<T>, loose: Option<T>) -> Result<(Self, T)> {
        match (input, loose) {
            (Some(input), None) => Ok((Self::Input, input)),
            (None, Some(loose)) => Ok((Self::Loose, loose)),
            (Some(_), Some(_)) => Err(bad_input(
                "give either input or the deprecated arguments, not both",
            )),
            (None, None) => Err(bad_input("the argument input is required")),
        }
    }

    /// Makes the paths of mistakes those of the arguments that the caller used.
    pub(super) fn paths<T>(
        self,
        outcome: std::result::Result<T, Refusal>,
    ) -> std::result::Result<T, Refusal> {
        outcome.map_err(|refusal| match (self, refusal) {
            (Self::Input, Refusal::User(mut errors)) => {
                for path in errors.iter_mut().filter_map(|error| error.field.as_mut()) {
                    path.insert(0, "input".to_owned());
                }
                Refusal::User(errors)
            }
            (_, refusal) => refusal,
        })
    }
}

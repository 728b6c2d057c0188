//! What can be asked of a column, by the kind of its type.
//!
//! A condition on NULL is unknown, and neither it nor its opposite picks the row; where it is otherwise, the method
//! says so.

mod array;
mod comparison;
mod list;
mod rank;
mod text;

pub use array::IsArray;
use list::List;
pub use rank::TextRank;
pub use text::{IsText, IsTextFor};

pub mod TABLE {
    use crate::{DateTime, Profile, Utc, Uuid};
    use sqlx::types::Json;

    #[cfg_attr(feature = "derived", derive(sqlx::FromRow, serde::Serialize, serde::Deserialize))]
    pub struct Row {
FIELDS
    }
}

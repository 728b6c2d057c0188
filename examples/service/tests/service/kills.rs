//! A few of the kills that `storm kills` does many of.

use pgrepo_service::Settings;

#[test]
fn placeholder() {
    let _ = Settings::default();
}

//! Makes the benchmark's documents anew from its file of results: `cargo run -p tests --bin benchmark-report`.

use tests::report::{RESULTS, Results, folder};

fn main() -> Result<(), String> {
    let folder = folder();
    let text = std::fs::read_to_string(folder.join(RESULTS)).map_err(|e| format!("{RESULTS}: {e}"))?;
    Results::parse(&text)?.write(&folder)
}

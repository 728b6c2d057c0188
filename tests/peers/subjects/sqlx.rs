use crate::task::{Metrics, Result, Task};

pub(crate) async fn run(task: &Task) -> Result<Metrics> {
    task.unknown()
}

//! The guide's picture: rows a second. It stands within a page, whose colours it takes, so that it can be read on a dark
//! page too. Markdown takes it for HTML only if its first line is one tag, and it holds no empty line.

use super::Results;
use super::number::number;
use super::tables::distinct;

/// Its path in the folder of the documents.
pub(crate) const FILE: &str = "guide/throughput.svg";

const TITLE: &str = "Rows a second";
const PLACEMENT: &str = "two processors";
const WIDTH: f64 = 760.0;
const LEFT: f64 = 200.0;
const LONGEST: f64 = WIDTH - LEFT - 90.0;

/// The workloads of a million rows, and what stands above their bars.
const GROUPS: &[(&str, &str)] = &[
    ("copy-unlogged", "COPY into an unlogged table"),
    ("copy-logged", "COPY into a logged table"),
    ("read", "reading into structs, or into what the library hands out"),
];

/// The picture; `None` if one of its workloads was not measured.
pub(crate) fn picture(results: &Results) -> Option<String> {
    let rows = if results.run.quick { 5e4 } else { 1e6 };
    let groups: Vec<_> = GROUPS.iter().map(|(workload, heading)| (*heading, bars(results, workload, rows))).collect();
    if groups.iter().any(|(_, bars)| bars.is_empty()) {
        return None;
    }
    let longest = groups.iter().flat_map(|(_, bars)| bars).map(|(_, rate)| *rate).fold(0.0, f64::max);
    let note = format!("{} wide rows of about 280 bytes; longer is better. {}.", number(rows), results.run.machine);
    let mut body = text(0.0, 20.0, "start", " font-weight=\"bold\" font-size=\"15\"", TITLE);
    body += &text(0.0, 40.0, "start", " fill-opacity=\"0.75\"", &note);
    let mut y = 48.0;
    for (heading, bars) in groups {
        y += 24.0;
        body += &text(0.0, y, "start", " font-weight=\"bold\"", heading);
        y += 8.0;
        for (label, rate) in bars {
            body += &text(LEFT - 8.0, y + 13.0, "end", "", label);
            let (fill, opacity) = if label.starts_with("pgrepo") { ("#3b82f6", 1.0) } else { ("currentColor", 0.35) };
            let length = rate / longest * LONGEST;
            body += &format!(
                "<rect x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"17.0\" fill=\"{fill}\" \
                 fill-opacity=\"{opacity}\"></rect>\n"
            );
            body += &text(LEFT + length + 6.0, y + 13.0, "start", "", &number(rate));
            y += 23.0;
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" role=\"img\" aria-label=\"{TITLE}\" \
         style=\"width:100%;max-width:{WIDTH:.0}px;height:auto\" font-family=\"sans-serif\" font-size=\"13\" \
         fill=\"currentColor\">\n<title>{TITLE}</title>\n{body}</svg>\n"
    ))
}

/// Who did the workload, and so many rows a second.
fn bars<'r>(results: &'r Results, workload: &str, rows: f64) -> Vec<(&'r str, f64)> {
    let here = results.lines.iter().filter(|l| l.workload == workload && l.placement == PLACEMENT);
    let names = distinct(here.map(|l| l.subject.as_str()));
    let rate = |name| Some((name, rows / results.median(workload, PLACEMENT, name, "wall_s")?));
    names.into_iter().filter_map(rate).collect()
}

fn text(x: f64, y: f64, anchor: &str, more: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{more}>{text}</text>\n")
}

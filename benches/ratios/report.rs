//! The table, and the same as JSON.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::row::{Aim, Row, Unit};

/// All rows, and what each is made of.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut figures = Table::new();
    figures.load_style(UTF8_FULL_CONDENSED);
    figures.set_header(["what", "against", "measured: p50 (p10–p90)", "aim", "ok?"]);
    for row in rows {
        let figure = format!("{} ({}–{})", value(row.unit, row.p50), number(row.p10), number(row.p90));
        figures.add_row([&row.what, &row.against, &figure, &aim(row), verdict(row)]);
    }
    let mut costs = Table::new();
    costs.load_style(UTF8_FULL_CONDENSED);
    costs.set_header(["measured", "p50", "p10–p90", "host allocations"]);
    for at in [1, 2, 3] {
        if let Some(column) = costs.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut seen: Vec<(&str, &[f64])> = Vec::new();
    for cost in rows.iter().flat_map(|row| &row.costs) {
        if seen.contains(&(cost.name, &cost.times)) {
            continue;
        }
        seen.push((cost.name, &cost.times));
        let at = |share| crate::measure::quantile(&cost.times, share);
        let spread = format!("{}–{}", time(at(0.1)), time(at(0.9)));
        costs.add_row([cost.name, &time(at(0.5)), &spread, &number(cost.allocations)]);
    }
    format!("{figures}\n{costs}")
}

/// All rows as JSON.
pub(crate) fn json(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        let costs = row
            .costs
            .iter()
            .map(|cost| json!({ "name": cost.name, "p50_ns": cost.median(), "allocations": cost.allocations }));
        json!({
            "what": row.what,
            "against": row.against,
            "unit": match row.unit { Unit::Ratio => "ratio", Unit::Nanoseconds => "ns" },
            "p10": row.p10,
            "p50": row.p50,
            "p90": row.p90,
            "aim": match row.aim {
                Aim::AtMost(most) => json!({ "at_most": most }),
                Aim::AtLeast(least) => json!({ "at_least": least }),
                Aim::None => Value::Null,
            },
            "ok": row.is_met(),
            "costs": costs.collect::<Vec<_>>(),
        })
    });
    rows.collect()
}

fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ratio => format!("{} ×", number(value)),
        Unit::Nanoseconds => format!("{} ns", number(value)),
    }
}

/// Three digits, about.
fn number(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{} ns", number(nanoseconds)),
        1e3..1e6 => format!("{} µs", number(nanoseconds / 1e3)),
        _ => format!("{} ms", number(nanoseconds / 1e6)),
    }
}

fn aim(row: &Row) -> String {
    match row.aim {
        Aim::AtMost(most) => format!("≤ {}", value(row.unit, most)),
        Aim::AtLeast(least) => format!("≥ {}", value(row.unit, least)),
        Aim::None => String::new(),
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.is_met() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    }
}

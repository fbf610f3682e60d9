//! Makes Grafana's JSON from `dashboards/source/*.toml`, which say only what differs from panel to panel. Places are
//! reckoned, so that panels cannot overlap. `make dashboards` writes; the test says when that was forgotten.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    board::{BOARDS, path},
    server::root,
};

/// Grafana's grid.
const COLUMNS: u32 = 24;
const DATASOURCE: &str = "${datasource}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    uid: String,
    title: String,
    description: String,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    title: String,
    panel: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Panel {
    title: String,
    description: String,
    kind: Kind,
    unit: String,
    width: u32,
    height: Option<u32>,
    #[serde(default)]
    stack: bool,
    /// The colour from a value on; below the lowest, the lowest's.
    #[serde(default)]
    thresholds: BTreeMap<String, String>,
    /// Horizontal lines and their colours.
    #[serde(default)]
    lines: BTreeMap<String, String>,
    /// Words for 0 and 1.
    states: Option<BTreeMap<String, String>>,
    /// Of series, by their legend.
    #[serde(default)]
    colors: BTreeMap<String, String>,
    queries: Vec<Query>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Stat,
    Timeseries,
    Heatmap,
    Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    expr: String,
    #[serde(default)]
    legend: String,
    /// In a table: its head.
    column: Option<String>,
    unit: Option<String>,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Timeseries => "timeseries",
            Self::Heatmap => "heatmap",
            Self::Table => "table",
        }
    }

    fn height(self) -> u32 {
        if self == Self::Stat { 4 } else { 8 }
    }

    fn options(self) -> Value {
        match self {
            Self::Stat => json!({
                "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
                "textMode": "value",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Self::Timeseries => json!({
                "legend": {
                    "calcs": ["lastNotNull", "max"], "displayMode": "list", "placement": "bottom", "showLegend": true,
                },
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Self::Heatmap => json!({
                "calculate": false, "cellGap": 1, "legend": {"show": true},
                "tooltip": {"mode": "single", "yHistogram": true},
                "color": {"mode": "scheme", "scheme": "Inferno", "scale": "exponential", "exponent": 0.5, "steps": 64},
                "filterValues": {"le": 1e-9}, "rowsFrame": {"layout": "auto"},
            }),
            Self::Table => json!({"cellHeight": "sm", "showHeader": true}),
        }
    }
}

fn dashboard(source: &Source) -> Value {
    let mut panels = Vec::new();
    let mut top = 0;
    for row in &source.row {
        let place = json!({"x": 0, "y": top, "w": COLUMNS, "h": 1});
        let heading = json!({"type": "row", "title": row.title, "collapsed": false, "gridPos": place, "panels": []});
        panels.push(heading);
        top += 1;
        let (mut left, mut tallest) = (0, 0);
        for panel in &row.panel {
            let height = panel.height.unwrap_or(panel.kind.height());
            if left + panel.width > COLUMNS {
                (left, top, tallest) = (0, top + tallest, 0);
            }
            let mut made = panel.to_grafana();
            made["gridPos"] = json!({"x": left, "y": top, "w": panel.width, "h": height});
            panels.push(made);
            left += panel.width;
            tallest = tallest.max(height);
        }
        top += tallest;
    }
    for (index, panel) in panels.iter_mut().enumerate() {
        panel["id"] = json!(index + 1);
    }
    json!({
        "uid": source.uid, "title": source.title, "description": source.description, "tags": ["caisson"],
        "schemaVersion": 39, "version": 1, "editable": true, "graphTooltip": 1, "timezone": "browser",
        "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "annotations": {"list": []},
        "links": [{
            "type": "dashboards", "tags": ["caisson"], "title": "Caisson", "asDropdown": true, "includeVars": true,
            "keepTime": true, "targetBlank": false, "icon": "external link", "tooltip": "", "url": "",
        }],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1},
            choice("instance", "Server", "label_values(caisson_build_info, instance)"),
            choice("language", "Language", "label_values(caisson_pool_target{instance=~\"$instance\"}, language)"),
        ]},
        "panels": panels,
    })
}

/// A variable of which several values, or all, may be chosen.
fn choice(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "definition": query, "multi": true, "includeAll": true,
        "sort": 1, "refresh": 2, "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": {"type": "prometheus", "uid": DATASOURCE},
        "query": {"query": query, "refId": name}, "hide": 0, "regex": "", "skipUrlSync": false, "options": [],
    })
}

impl Panel {
    fn to_grafana(&self) -> Value {
        let datasource = json!({"type": "prometheus", "uid": DATASOURCE});
        let targets = self.queries.iter().zip('A'..).map(|(query, id)| self.target(query, id));
        let mut panel = json!({
            "type": self.kind.name(), "title": self.title, "description": self.description, "datasource": datasource,
            "targets": targets.collect::<Vec<_>>(), "options": self.kind.options(),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
        });
        if self.kind == Kind::Heatmap {
            panel["options"]["yAxis"] = json!({"unit": self.unit, "axisPlacement": "left"});
        }
        if self.kind == Kind::Table {
            let heads = self.queries.iter().zip('A'..);
            let renamed: BTreeMap<_, _> =
                heads.map(|(query, id)| (self.value_column(id), query.column.clone().unwrap_or_default())).collect();
            panel["transformations"] = json!([
                {"id": "merge", "options": {}},
                {"id": "organize", "options": {"excludeByName": {"Time": true}, "renameByName": renamed}},
            ]);
        }
        panel
    }

    /// As Grafana calls it: the number of the query only where there are several.
    fn value_column(&self, id: char) -> String {
        if self.queries.len() > 1 { format!("Value #{id}") } else { "Value".to_owned() }
    }

    fn target(&self, query: &Query, id: char) -> Value {
        let mut target = json!({
            "refId": id, "expr": query.expr, "datasource": {"type": "prometheus", "uid": DATASOURCE},
            "legendFormat": query.legend, "editorMode": "code",
        });
        match self.kind {
            Kind::Table => {
                target["format"] = json!("table");
                target["instant"] = json!(true);
                target["range"] = json!(false);
            }
            Kind::Heatmap => target["format"] = json!("heatmap"),
            Kind::Stat | Kind::Timeseries => target["range"] = json!(true),
        }
        target
    }

    fn defaults(&self) -> Value {
        let mut field = json!({"unit": self.unit});
        if let Some(states) = &self.states {
            let colors = [("0", "red"), ("1", "green")];
            let options: BTreeMap<_, _> = colors
                .iter()
                .filter_map(|(value, color)| Some((value, json!({"color": color, "text": states.get(*value)?}))))
                .collect();
            field["mappings"] = json!([{"type": "value", "options": options}]);
        }
        // What a line is drawn at is a threshold to Grafana too.
        let levels = if self.lines.is_empty() { &self.thresholds } else { &self.lines };
        let mut levels: Vec<(f64, &str)> =
            levels.iter().map(|(value, color)| (value.parse().expect("a number"), color.as_str())).collect();
        levels.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Grafana's first step has no beginning: it is the lowest of ours, and below a line there is no colour to have.
        let base = if self.lines.is_empty() && !levels.is_empty() { levels.remove(0).1 } else { "text" };
        let mut steps = vec![json!({"color": base, "value": null})];
        steps.extend(levels.iter().map(|(value, color)| json!({"color": color, "value": value})));
        field["thresholds"] = json!({"mode": "absolute", "steps": steps});
        field["color"] = json!({"mode": if self.kind == Kind::Stat { "thresholds" } else { "palette-classic" }});
        if self.kind == Kind::Timeseries {
            // Nothing here is ever below it, and a line without its zero tells little.
            field["min"] = json!(0);
            field["custom"] = json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": if self.stack { 40 } else { 8 },
                "showPoints": "never",
                "spanNulls": false, "stacking": {"group": "A", "mode": if self.stack { "normal" } else { "none" }},
                "thresholdsStyle": {"mode": if self.lines.is_empty() { "off" } else { "dashed" }},
            });
        }
        field
    }

    fn overrides(&self) -> Vec<Value> {
        let by_name = |name: &str, id: &str, value: Value| {
            let (matcher, property) = (json!({"id": "byName", "options": name}), json!({"id": id, "value": value}));
            json!({"matcher": matcher, "properties": [property]})
        };
        let colors = self
            .colors
            .iter()
            .map(|(name, color)| by_name(name, "color", json!({"mode": "fixed", "fixedColor": color})));
        let units = self.queries.iter().filter_map(|query| Some((query.column.as_ref()?, query.unit.as_ref()?)));
        colors.chain(units.map(|(column, unit)| by_name(column, "unit", json!(unit)))).collect()
    }
}

/// What `dashboards/grafana/NAME.json` must hold.
fn made(name: &str) -> String {
    let text = fs::read_to_string(root().join(format!("dashboards/source/{name}.toml"))).unwrap();
    let source: Source = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
    serde_json::to_string_pretty(&dashboard(&source)).unwrap() + "\n"
}

#[test]
fn the_committed_dashboards_are_those_of_their_sources() {
    let is_to_write = std::env::var_os("DASHBOARDS").is_some_and(|word| word == "write");
    for name in BOARDS {
        if is_to_write {
            fs::write(path(name), made(name)).unwrap();
        }
        let committed = fs::read_to_string(path(name)).unwrap_or_default();
        assert!(committed == made(name), "dashboards/grafana/{name}.json is out of date: run `make dashboards`");
    }
}

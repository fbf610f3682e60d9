//! A dashboard, read from the JSON that Grafana imports: what is checked and drawn is what operators get.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;

use crate::server::root;

pub const BOARDS: [&str; 3] = ["overview", "language", "pool-and-engine"];

#[derive(Debug, Deserialize)]
pub struct Board {
    pub title: String,
    pub uid: String,
    pub templating: Templating,
    pub panels: Vec<Panel>,
}

#[derive(Debug, Deserialize)]
pub struct Templating {
    pub list: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// A plain word for a data source, more for a query.
    pub definition: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub id: u32,
    pub title: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub description: String,
    pub grid_pos: Place,
    #[serde(default)]
    pub targets: Vec<Target>,
    #[serde(default)]
    pub field_config: FieldConfig,
    #[serde(default)]
    pub transformations: Vec<Transformation>,
}

#[derive(Debug, Deserialize)]
pub struct Transformation {
    pub options: Columns,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Columns {
    #[serde(default)]
    pub rename_by_name: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Place {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub ref_id: String,
    pub expr: String,
    #[serde(default)]
    pub legend_format: String,
    #[serde(default)]
    pub instant: bool,
}

#[derive(Debug, Default, Deserialize)]
pub struct FieldConfig {
    pub defaults: Field,
    pub overrides: Vec<Override>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Field {
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub custom: Custom,
    #[serde(default)]
    pub thresholds: Thresholds,
    #[serde(default)]
    pub mappings: Vec<Mapping>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    #[serde(default)]
    pub stacking: Mode,
    #[serde(default)]
    pub thresholds_style: Mode,
}

#[derive(Debug, Default, Deserialize)]
pub struct Mode {
    #[serde(default)]
    pub mode: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Thresholds {
    #[serde(default)]
    pub steps: Vec<Threshold>,
}

#[derive(Debug, Deserialize)]
pub struct Threshold {
    pub color: String,
    /// None: from minus infinity.
    pub value: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Mapping {
    pub options: BTreeMap<String, Mapped>,
}

#[derive(Debug, Deserialize)]
pub struct Mapped {
    pub color: String,
    pub text: String,
}

#[derive(Debug, Deserialize)]
pub struct Override {
    pub matcher: Matcher,
    pub properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
pub struct Matcher {
    pub options: String,
}

#[derive(Debug, Deserialize)]
pub struct Property {
    pub id: String,
    pub value: serde_json::Value,
}

impl Board {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(path(name)).expect("the dashboard is committed");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}"))
    }

    /// All three, with their names.
    pub fn all() -> Vec<(&'static str, Self)> {
        BOARDS.iter().map(|name| (*name, Self::read(name))).collect()
    }

    /// Those that show something; the others are headings.
    pub fn shown(&self) -> impl Iterator<Item = &Panel> {
        self.panels.iter().filter(|panel| panel.kind != "row")
    }
}

impl Panel {
    /// What an override says of the series or the column of this name.
    pub fn property(&self, of: &str, id: &str) -> Option<&serde_json::Value> {
        let rule = self.field_config.overrides.iter().find(|rule| rule.matcher.options == of)?;
        rule.properties.iter().find(|property| property.id == id).map(|property| &property.value)
    }

    /// What a table calls the column of this query.
    pub fn head(&self, ref_id: &str) -> String {
        let ours = if self.targets.len() > 1 { format!("Value #{ref_id}") } else { "Value".to_owned() };
        let renamed = self.transformations.iter().find_map(|step| step.options.rename_by_name.get(&ours));
        renamed.cloned().unwrap_or(ours)
    }
}

pub fn path(name: &str) -> PathBuf {
    root().join(format!("dashboards/grafana/{name}.json"))
}

"""template.yaml as CloudFormation gets it; `infra/local/translate.py` makes what the embedded AWS can deploy."""

import json
from types import SimpleNamespace
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

Resources = dict[str, dict[str, Any]]


def translated(template: str, *, as_uploaded: bool = True) -> Resources:
    """Return the resources of a SAM template for production, with aliases and update policies.

    The uploaded template has no YAML aliases: the SAM CLI replaces each by a copy of its value. Raises the translator's
    InvalidDocumentException.
    """
    sam = yaml_parse(template)
    if as_uploaded:
        sam = json.loads(json.dumps(sam))
    code = {"Bucket": "code", "Key": "code.zip"}
    sam["Globals"]["Function"]["CodeUri"] = code
    sam["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = code
    parameters = {"Stage": "prod", "CorsOrigins": "https://app.example.org"}
    # SAM looks up AWS's managed policies by name; the template names none.
    resources: Resources = transform(sam, parameters, SimpleNamespace(load=dict))["Resources"]
    return resources

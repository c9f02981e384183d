// Shows openapi.json to people. Text reaches the document by textContent only.
"use strict";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function table(rows) {
  const made = element("table");
  for (const row of rows) {
    const line = element("tr");
    line.append(...row.map((text) => element("td", "", text)));
    made.append(line);
  }
  return made;
}

function typeOf(field) {
  if (field.$ref) return field.$ref.split("/").pop();
  if (field.anyOf) return field.anyOf.map(typeOf).join(" or ");
  return field.items ? `list of ${typeOf(field.items)}` : field.type;
}

function routeOf(path, method, operation) {
  const made = element("section", "route"), title = element("h2");
  title.append(element("code", "", `${method.toUpperCase()} ${path}`));
  made.append(title, element("p", "", `${operation.summary}. ${operation.description ?? ""}`));
  made.append(table(Object.entries(operation.responses).map(([status, { description, content }]) => {
    const schema = content?.["application/json"]?.schema;
    return [status, description + (schema ? `: ${typeOf(schema)}` : "")];
  })));
  return made;
}

function schemaOf(name, schema) {
  const made = element("section", "route");
  made.append(element("h2", "", name), element("p", "quiet", schema.description));
  made.append(table(Object.entries(schema.properties).map(([field, facts]) => [field, typeOf(facts), facts.description ?? ""])));
  return made;
}

(async () => {
  const description = await (await fetch("openapi.json")).json();
  const predict = new URL("predict", location.href);
  document.getElementById("curl").textContent = `curl -F files=@page.jpg -F files=@scan.pdf ${predict}`;
  const routes = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => routeOf(path, method, operation)));
  const schemas = Object.entries(description.components.schemas).map(([name, schema]) => schemaOf(name, schema));
  document.getElementById("routes").append(...routes, ...schemas);
})();

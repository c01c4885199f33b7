// Reads a JSON array of Kubernetes objects from standard input, and prints a JSON array of what is
// wrong with them: one line of text each, with the index of its object before it.
//
// Each is held against the published schemas twice: by the validators that are made of them (types,
// formats, what is required, enumerations), and as a literal of the TypeScript type that is made of
// them, which has no place for a field that does not exist.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));

// The group of an object's apiVersion, and the package that knows it.
function packageOf(apiVersion) {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  if (group === 'monitoring.coreos.com') return '@kubernetes-models/prometheus-operator';
  if (group === 'gateway.networking.k8s.io') return '@kubernetes-models/gateway-api';
  return 'kubernetes-models';
}

async function modelOf(object) {
  const module = `${packageOf(object.apiVersion)}/${object.apiVersion}`;
  const models = await import(module);
  if (!models[object.kind]) throw new Error(`no ${object.kind} in ${module}`);
  return { module, Model: models[object.kind] };
}

let text = '';
for await (const part of process.stdin) text += part;
const objects = JSON.parse(text);
const wrong = [];
const lines = [];  // of the TypeScript file: one for each object
for (const [index, object] of objects.entries()) {
  try {
    const { module, Model } = await modelOf(object);
    lines.push(`import { I${object.kind} as T${index} } from ${JSON.stringify(module)};` +
               ` export const o${index}: T${index} = ${JSON.stringify(object)};`);
    new Model(object).validate();
  } catch (error) {
    wrong.push(`${index} ${error.message}`);
    if (lines.length <= index) lines.push('export {};');
  }
}

const folder = mkdtempSync(join(here, 'node_modules', '.types-'));  // where the packages are found
try {
  const file = join(folder, 'objects.mts');
  writeFileSync(file, lines.join('\n'));
  const program = ts.createProgram([file], {
    noEmit: true, strict: true, skipLibCheck: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  });
  for (const found of ts.getPreEmitDiagnostics(program)) {
    const line = found.file?.fileName === file
      ? found.file.getLineAndCharacterOfPosition(found.start).line : -1;
    wrong.push(`${line} ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(JSON.stringify(wrong));

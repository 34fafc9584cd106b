// The client: it starts `gradc lsp` and hands VS Code's questions on to it.
//
// Nothing is started in a folder that is not trusted: the command is a setting, and a folder brings
// settings of its own.

"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const [command, ...args] = vscode.workspace.getConfiguration("gradc").get("command");
  client = new LanguageClient("gradc", "gradc", { command, args }, {
    documentSelector: [{ language: "gradc" }],
  });
  try {
    await client.start();
  } catch (fault) {
    const told = `gradc: ${[command, ...args].join(" ")} does not start (${fault.message}).`;
    vscode.window.showWarningMessage(`${told} It needs gradc and pygls; or set gradc.command.`);
  }
}

function activate(context) {
  if (vscode.workspace.isTrusted) {
    return start();
  }
  context.subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(start));
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };

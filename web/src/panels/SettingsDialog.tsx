/** What a person chose about the editor, and what the server is. */

import { useId } from "react";
import { getSystem } from "../api/system";
import { changeLanguage, changeSettings, type Settings, type Theme, useSettings } from "../store/settings";
import { useLoaded } from "../store/useLoaded";
import { chosenLanguage, isLanguage, LANGUAGES } from "../texts/language";
import { texts } from "../texts/panels";
import { Modal } from "./Modal";
import { Failed, Loading } from "./Pieces";

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const GRIDS: readonly number[] = [1, 8, 16, 32];

export function SettingsDialog() {
  const settings = useSettings();
  const [system, reload] = useLoaded(getSystem);
  return (
    <Modal title={texts.settings.title}>
      <Choice
        label={texts.settings.language}
        options={[["browser", texts.settings.browserLanguage], ...Object.entries(LANGUAGES)]}
        value={chosenLanguage() ?? "browser"}
        onChange={(choice) => changeLanguage(isLanguage(choice) ? choice : null)}
      />
      <p className="hint">{texts.settings.languageHint}</p>
      <Choice
        label={texts.settings.theme}
        options={THEMES.map((theme) => [theme, texts.settings.themes[theme]])}
        value={settings.theme}
        onChange={(theme) => changeSettings({ theme })}
      />
      <Choice
        label={texts.settings.grid}
        options={GRIDS.map((grid) => [grid, texts.settings.grids[grid] ?? String(grid)])}
        value={settings.grid}
        onChange={(grid) => changeSettings({ grid })}
      />
      <Switch label={texts.settings.minimap} name="minimap" />
      <Switch label={texts.settings.livePreview} name="livePreview" />
      <h3 className="list__heading">{texts.settings.about}</h3>
      {system.kind === "loading" && <Loading />}
      {system.kind === "failed" && <Failed message={system.message} hint={system.hint} onRetry={reload} />}
      {system.kind === "ready" && (
        <ul className="list hint">
          <li>{texts.settings.version(system.value.version)}</li>
          {system.value.workers.map((worker) => (
            <li key={worker.id}>{texts.settings.worker(worker.device, worker.state)}</li>
          ))}
        </ul>
      )}
    </Modal>
  );
}

interface ChoiceProps<Value extends string | number> {
  readonly label: string;
  readonly options: readonly (readonly [Value, string])[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

function Choice<Value extends string | number>({ label, options, value, onChange }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <fieldset className="setting">
      <legend className="label">{label}</legend>
      <div className="segments">
        {options.map(([option, text]) => (
          <label key={option} className="segment">
            <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

type Flag = { [Key in keyof Settings]: Settings[Key] extends boolean ? Key : never }[keyof Settings];

function Switch({ label, name }: { readonly label: string; readonly name: Flag }) {
  const on = useSettings((settings) => settings[name]);
  return (
    <label className="setting setting--switch">
      <input
        type="checkbox"
        checked={on}
        onChange={(event) => changeSettings({ [name]: event.target.checked })}
      />
      {label}
    </label>
  );
}

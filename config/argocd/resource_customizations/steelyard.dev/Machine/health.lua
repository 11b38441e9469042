-- A Machine: Healthy where it rests as it is wanted, Suspended where a person keeps it out of use.
-- The same text in the script of each kind that has conditions: what kstatus says of them, in Argo CD's words.
-- Argo CD gives a script no string library, and one second.
local function condition(name)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == name then return found end
  end
  return { status = "Unknown", reason = "", message = "" }
end

local function text(found)
  if (found.message or "") == "" then return found.reason or "" end
  return (found.reason or "") .. ": " .. found.message
end

local function standing()
  if obj.metadata.deletionTimestamp ~= nil then
    return { status = "Progressing", message = "Being deleted" }
  end
  local seen = (obj.status or {}).observedGeneration
  if seen == nil or seen ~= obj.metadata.generation then
    return { status = "Progressing", message = "The operator has not seen this change yet" }
  end
  local ready = condition("Ready")
  if condition("Reconciling").status == "True" then
    return { status = "Progressing", message = text(ready) }
  end
  if condition("Stalled").status == "True" then
    return { status = "Degraded", message = text(ready) }
  end
  if ready.status == "True" then
    return { status = "Healthy", message = text(ready) }
  end
  return { status = "Progressing", message = text(ready) }
end
-- End of the text that is the same.

if obj.metadata.deletionTimestamp == nil and obj.spec.paused == true then
  return { status = "Suspended", message = "spec.paused: nothing is changed" }
end

local out_of_use = {
  Cordoned = "spec.mode Cordoned: no new claim; what runs goes on",
  Rescue = "spec.mode Rescue: a person works on it",
  Broken = "spec.mode Broken: set aside by a person",
  Retired = "spec.mode Retired: out of service for good",
}

local health = standing()
local mode = obj.spec.mode or "Active"
if health.status == "Healthy" and out_of_use[mode] ~= nil and (mode == "Cordoned" or mode == obj.status.phase) then
  return { status = "Suspended", message = out_of_use[mode] }
end
return health

-- A Zone: Healthy while a rack of it serves.
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

return standing()
